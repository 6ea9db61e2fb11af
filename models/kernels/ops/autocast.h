#pragma once

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
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

/// Whether LibTorch has a way of its own for convolutions of bfloat16 on this
/// processor. Where it has none (AVX2 alone), those that it packs weights for
/// refuse the type, and the others are ten times slower than in float.
inline bool convolves_bfloat16() {
  static const bool does = [] {
    const auto op = c10::Dispatcher::singleton().findSchema(
        {"mkldnn::_is_mkldnn_bf16_supported", ""});
    return !op || op->typed<bool()>().call();
  }();
  return does;
}

}  // namespace skipzoo
