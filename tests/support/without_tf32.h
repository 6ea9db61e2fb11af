#pragma once

#include <ATen/Context.h>

namespace skipzoo {

/// Float32 with all its digits while it lives: LibTorch lets cuDNN take TF32 by
/// default, and some of its kernels do.
class WithoutTf32 {
 public:
  WithoutTf32()
      : cudnn_(at::globalContext().allowTF32CuDNN()),
        cublas_(at::globalContext().allowTF32CuBLAS()) {
    set(false, false);
  }
  ~WithoutTf32() { set(cudnn_, cublas_); }
  WithoutTf32(const WithoutTf32&) = delete;
  WithoutTf32& operator=(const WithoutTf32&) = delete;

 private:
  static void set(bool cudnn, bool cublas) {
    at::globalContext().setAllowTF32CuDNN(cudnn);
    at::globalContext().setAllowTF32CuBLAS(cublas);
  }
  bool cudnn_, cublas_;
};

}  // namespace skipzoo
