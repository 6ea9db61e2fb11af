#pragma once

#include <ATen/ops/constant_pad_nd.h>

#include <cstdint>

#include "models/tensor.h"

namespace skipzoo {

/// Zeros around images besides those of a convolution itself, as of Keras's
/// "same" padding, which is uneven at a stride.
struct ExtraPadding {
  int64_t top = 0, left = 0, bottom = 0, right = 0;

  bool any() const {
    return top != 0 || left != 0 || bottom != 0 || right != 0;
  }
};

/// Images with those zeros; x itself where there are none.
inline torch::Tensor padded(const torch::Tensor& x, const ExtraPadding& extra) {
  return extra.any() ? at::constant_pad_nd(x, {extra.left, extra.right,
                                               extra.top, extra.bottom})
                     : x;
}

}  // namespace skipzoo
