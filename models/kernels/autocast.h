#pragma once

#include <ATen/autocast_mode.h>
#include <torch/types.h>

namespace skipzoo {

inline bool autocasts() { return at::autocast::is_autocast_enabled(at::kCPU); }

/// x as autocast would hand it to a convolution.
inline torch::Tensor as_autocast(const torch::Tensor& x) {
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat || !autocasts()) {
    return x;
  }
  return x.to(at::autocast::get_autocast_dtype(at::kCPU));
}

}  // namespace skipzoo
