#include "models/kernels/cuda/kernels.h"

#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "models/kernels/cuda/nvrtc.h"

#ifdef SKIPZOO_CUDA
#include <c10/cuda/CUDAGraphsC10Utils.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace skipzoo {

const char* cuda_type_name(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return "double";
    case at::kBFloat16:
      return "skipzoo::cuda::BFloat16";
    case at::kHalf:
      return "skipzoo::cuda::Half";
    default:
      TORCH_CHECK(type == at::kFloat, "no kernel for ", type);
      return "float";
  }
}

#ifdef SKIPZOO_CUDA

namespace {

/// CUDA's driver, as far as a kernel needs it; as in cuda.h.
class CudaDriver {
 public:
  using Result = int;
  using Context = struct CudaContext*;
  using Module = struct CudaModule*;
  using Function = struct CudaFunction*;
  enum Attribute { kMultiprocessors = 16, kMajor = 75, kMinor = 76 };

  explicit CudaDriver(const SharedLibrary& library)
      : start_(library.function<Result(unsigned)>("cuInit")),
        words_(
            library.function<Result(Result, const char**)>("cuGetErrorString")),
        device_(library.function<Result(int*, int)>("cuDeviceGet")),
        attribute_(
            library.function<Result(int*, int, int)>("cuDeviceGetAttribute")),
        retain_(library.function<Result(Context*, int)>(
            "cuDevicePrimaryCtxRetain")),
        push_(library.function<Result(Context)>("cuCtxPushCurrent_v2")),
        pop_(library.function<Result(Context*)>("cuCtxPopCurrent_v2")),
        load_(
            library.function<Result(Module*, const void*)>("cuModuleLoadData")),
        find_(library.function<Result(Function*, Module, const char*)>(
            "cuModuleGetFunction")),
        launch_(library.function<Launch>("cuLaunchKernel")) {
    check(start_(/*flags=*/0), "cuInit");
  }

  int device(int ordinal) const {
    int found = 0;
    check(device_(&found, ordinal), "cuDeviceGet");
    return found;
  }
  int attribute(int device, Attribute which) const {
    int found = 0;
    check(attribute_(&found, which, device), "cuDeviceGetAttribute");
    return found;
  }
  /// The one that LibTorch has too.
  Context context(int device) const {
    Context found = nullptr;
    check(retain_(&found, device), "cuDevicePrimaryCtxRetain");
    return found;
  }
  Function load(const Nvrtc::Compiled& kernel) const {
    Module module = nullptr;
    Function function = nullptr;
    check(load_(&module, kernel.image.data()), "cuModuleLoadData");
    check(find_(&function, module, kernel.name.c_str()), "cuModuleGetFunction");
    return function;
  }
  void launch(Function kernel, const CudaLaunch& by, cudaStream_t stream,
              void** arguments) const {
    const auto result =
        launch_(kernel, by.blocks[0], by.blocks[1], 1, by.threads[0],
                by.threads[1], 1, /*dynamic shared bytes=*/0, stream, arguments,
                /*extra=*/nullptr);
    check(result, by.kernel.c_str());
  }

  /// That context, current to this thread while it lives: a thread of the
  /// backward pass may have none yet.
  class Current {
   public:
    Current(const CudaDriver& driver, Context context) : driver_(driver) {
      driver.check(driver.push_(context), "cuCtxPushCurrent");
    }
    ~Current() {
      Context was = nullptr;
      driver_.pop_(&was);
    }
    Current(const Current&) = delete;
    Current& operator=(const Current&) = delete;

   private:
    const CudaDriver& driver_;
  };

 private:
  using Launch = Result(Function, unsigned, unsigned, unsigned, unsigned,
                        unsigned, unsigned, unsigned, cudaStream_t, void**,
                        void**);

  void check(Result result, const char* what) const {
    if (result == 0) return;
    const char* found = nullptr;
    words_(result, &found);
    TORCH_CHECK(false, "CUDA, ", what, ": ",
                found == nullptr ? "unknown error" : found);
  }

  Result (*start_)(unsigned);
  Result (*words_)(Result, const char**);
  Result (*device_)(int*, int);
  Result (*attribute_)(int*, int, int);
  Result (*retain_)(Context*, int);
  Result (*push_)(Context);
  Result (*pop_)(Context*);
  Result (*load_)(Module*, const void*);
  Result (*find_)(Function*, Module, const char*);
  Launch* launch_;
};

/// Kernels of one device, each compiled when it is launched first.
class DeviceKernels : public CudaKernels {
 public:
  DeviceKernels(const SharedLibrary& library, c10::DeviceIndex index)
      : nvrtc_(library), driver_(library), index_(index) {
    const int device = driver_.device(index);
    architecture_ = 10 * driver_.attribute(device, CudaDriver::kMajor) +
                    driver_.attribute(device, CudaDriver::kMinor);
    multiprocessors_ = driver_.attribute(device, CudaDriver::kMultiprocessors);
    context_ = driver_.context(device);
  }

  int64_t multiprocessors() const override { return multiprocessors_; }

 private:
  void run(const CudaLaunch& launch, const CudaArgument* arguments,
           size_t count) override {
    std::vector<void*> pointers(count);
    for (size_t i = 0; i < count; ++i) pointers[i] = arguments[i].data;
    const CudaDriver::Current current(driver_, context_);
    driver_.launch(loaded(launch), launch,
                   c10::cuda::getCurrentCUDAStream(index_).stream(),
                   pointers.data());
  }

  CudaDriver::Function loaded(const CudaLaunch& launch) {
    const std::lock_guard lock(mutex_);
    auto& function = functions_[launch.kernel];
    if (function == nullptr) {
      // A step that is recorded may be the first to need it.
      const c10::cuda::CUDAStreamCaptureModeGuard relaxed(
          cudaStreamCaptureModeRelaxed);
      function = driver_.load(
          nvrtc_.compile(launch.file, launch.kernel, architecture_));
    }
    return function;
  }

  Nvrtc nvrtc_;
  CudaDriver driver_;
  c10::DeviceIndex index_;
  int architecture_ = 0;
  int64_t multiprocessors_ = 0;
  CudaDriver::Context context_ = nullptr;
  std::mutex mutex_;  ///< Of the functions.
  std::unordered_map<std::string, CudaDriver::Function> functions_;
};

Offer<CudaKernelsPtr> made_for(c10::DeviceIndex index) {
  try {
    // LibTorch's, which stands on NVRTC and on the driver.
    static const SharedLibrary library("libcaffe2_nvrtc.so");
    return {taken("kernels of our own"),
            c10::make_intrusive<DeviceKernels>(library, index)};
  } catch (const c10::Error& error) {
    // For the verdicts of all that is left of this process.
    static std::vector<std::unique_ptr<std::string>> reasons;
    reasons.push_back(
        std::make_unique<std::string>(error.what_without_backtrace()));
    return {declined(reasons.back()->c_str()), {}};
  }
}

}  // namespace

Offer<CudaKernelsPtr> cuda_kernels(torch::Device device) {
  if (!device.is_cuda()) return {declined("not on a GPU"), {}};
  static std::mutex mutex;
  static std::map<c10::DeviceIndex, Offer<CudaKernelsPtr>> all;
  const auto index =
      device.has_index() ? device.index() : c10::cuda::current_device();
  const std::lock_guard lock(mutex);
  const auto found = all.find(index);
  if (found != all.end()) return found->second;
  return all.emplace(index, made_for(index)).first->second;
}

#else

Offer<CudaKernelsPtr> cuda_kernels(torch::Device device) {
  return {declined(device.is_cuda() ? "a build without CUDA's headers"
                                    : "not on a GPU"),
          {}};
}

#endif

}  // namespace skipzoo
