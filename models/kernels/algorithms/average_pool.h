#pragma once

#include <torch/types.h>

#include "models/kernels/algorithms/pool_window.h"

namespace skipzoo {

/// Whether average_pool() knows this window: of 2x2 pixels, without a border.
bool suits_average_pool(const PoolWindow& window);

/// Sizes of the result, (N, C, H, W).
at::DimVector average_pool_sizes(const torch::Tensor& images,
                                 const PoolWindow& window);

/// The mean of the pixels that each window sees: torch::avg_pool2d. images:
/// (N, C, H, W) of float, double or bfloat16. to: as average_pool_sizes() says,
/// of the same type, channels-last or some channels of such images. No
/// gradient.
void average_pool(const torch::Tensor& images, const PoolWindow& window,
                  const torch::Tensor& to);

}  // namespace skipzoo
