#pragma once

#include <cstdint>

#include "models/kernels/verdict.h"
#include "models/tensor.h"

namespace skipzoo {

/// Whether a convolution is of the one kind that the 3x3 kernels compute: 3x3,
/// padding 1, that stride, no dilation, one group.
inline Verdict is_same_3x3(const torch::Tensor& weight, at::IntArrayRef padding,
                           at::IntArrayRef stride, at::IntArrayRef dilation,
                           int64_t groups, int64_t wanted_stride = 1) {
  const auto both = [](at::IntArrayRef values, int64_t value) {
    return values.equals({value, value});
  };
  if (weight.size(2) != 3 || weight.size(3) != 3) {
    return declined("a kernel of #x#", weight.size(2), weight.size(3));
  }
  if (!both(stride, wanted_stride)) return declined("stride #", stride[0]);
  if (groups != 1) return declined("# groups", groups);
  if (!both(padding, 1)) return declined("a border of another width than one");
  if (!both(dilation, 1)) return declined("dilation");
  return taken("3x3 with a border of one");
}

}  // namespace skipzoo
