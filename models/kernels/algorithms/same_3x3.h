#pragma once

#include <cstdint>

#include "models/tensor.h"

namespace skipzoo {

/// Whether a convolution is of the one kind that the 3x3 kernels compute: 3x3,
/// padding 1, that stride, no dilation, one group.
inline bool is_same_3x3(const torch::Tensor& weight, at::IntArrayRef padding,
                        at::IntArrayRef stride, at::IntArrayRef dilation,
                        int64_t groups, int64_t wanted_stride = 1) {
  const auto both = [](at::IntArrayRef values, int64_t value) {
    return values.equals({value, value});
  };
  return weight.size(2) == 3 && weight.size(3) == 3 && both(padding, 1) &&
         both(stride, wanted_stride) && both(dilation, 1) && groups == 1;
}

}  // namespace skipzoo
