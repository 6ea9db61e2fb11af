#pragma once

#include <ATen/core/ivalue.h>

#include <array>
#include <string>

#include "models/kernels/verdict.h"
#include "models/tensor.h"

namespace skipzoo {

/// A kernel of this folder, and the threads it is launched by.
struct CudaLaunch {
  const char* file;    ///< That it stands in: "batch_norm.cu".
  std::string kernel;  ///< With its template's arguments: "f<float, true>".
  std::array<unsigned, 2> blocks = {1, 1};
  std::array<unsigned, 2> threads = {1, 1};  ///< Of a block.
};

/// An argument of a kernel, whatever its type.
struct CudaArgument {
  void* data;
  size_t size;
};

/// Launches the kernels of this folder: on a GPU, or, in tests, where a grid is
/// emulated.
class CudaKernels : public torch::CustomClassHolder {
 public:
  /// What a grid should fill.
  virtual int64_t multiprocessors() const = 0;

  /// Launches a kernel with arguments of just the types that it has. On a GPU:
  /// on the current stream, without waiting for anything; compiled before, or
  /// when it is launched first.
  template <typename... Arguments>
  void operator()(const CudaLaunch& launch, Arguments... arguments) {
    const CudaArgument all[] = {{&arguments, sizeof(arguments)}...};
    run(launch, all, sizeof...(arguments));
  }

 private:
  virtual void run(const CudaLaunch& launch, const CudaArgument* arguments,
                   size_t count) = 0;
};
using CudaKernelsPtr = c10::intrusive_ptr<CudaKernels>;

/// Those of a device, or why there are none: no GPU, a build without CUDA's
/// headers, no NVRTC. The same for each call.
Offer<CudaKernelsPtr> cuda_kernels(torch::Device device);

/// The name in kernels of a tensor's type: "float", "skipzoo::cuda::Half".
const char* cuda_type_name(at::ScalarType type);
/// What sums of it are in.
inline at::ScalarType cuda_sum_type(at::ScalarType type) {
  return type == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace skipzoo
