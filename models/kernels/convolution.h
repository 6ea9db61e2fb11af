#pragma once

#include <torch/nn.h>

#include "models/kernels/kernels.h"

namespace skipzoo {

/// conv(x), by Winograd's F(4x4, 3x3) where that is faster: on the CPU,
/// channels-last, 3x3 with a border of one, stride 1 and one group, images and
/// channels enough. In bfloat16 that is computed in float32 (winograd.h), so
/// under autocast the weight is not rounded. So is, by whatever way, all of
/// bfloat16 where the processor has no instructions for it.
torch::Tensor convolution(const torch::Tensor& x, torch::nn::Conv2d& conv,
                          Kernels kernels);

}  // namespace skipzoo
