#pragma once

#include <memory>
#include <string>
#include <vector>

namespace skipzoo {

/// A library that is opened when the program runs.
class SharedLibrary {
 public:
  /// name: as dlopen() takes it. Throws c10::Error, with the loader's words.
  explicit SharedLibrary(const std::string& name);
  /// It and those it stands on stay open: kernels of theirs may be running.
  ~SharedLibrary() = default;

  /// A function of it, or of those it stands on. Throws where there is none.
  template <typename Function>
  Function* function(const char* name) const {
    return reinterpret_cast<Function*>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;

  void* handle_;
  std::string name_;
};

/// NVIDIA's compiler as a library. It needs neither a GPU nor its driver; no
/// header of CUDA is needed to call it, nor is it linked.
///
/// Rather than nvcc ahead of time: whoever runs skipzoo needs no toolkit, which
/// LibTorch's wheels are without, and each kernel is compiled for the very
/// card, of the types that are asked for alone.
class Nvrtc {
 public:
  /// library: one that NVRTC is in or behind.
  explicit Nvrtc(const SharedLibrary& library);

  /// A kernel for a GPU's driver to load.
  struct Compiled {
    std::string image;  ///< A cubin, or PTX.
    std::string name;   ///< The kernel's in it.
  };
  /// kernel: of models/kernels/cuda/FILE, with its template's arguments.
  /// architecture: of the GPU, 90 for compute capability 9.0; one that this
  /// NVRTC is too old for gets PTX of the newest before it. Throws c10::Error
  /// with the compiler's own words.
  Compiled compile(const char* file, const std::string& kernel,
                   int architecture) const;
  /// Those it knows, in ascending order.
  std::vector<int> architectures() const;

 private:
  struct Api;
  std::shared_ptr<const Api> api_;
};

}  // namespace skipzoo
