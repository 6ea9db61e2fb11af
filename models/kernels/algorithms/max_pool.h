#pragma once

#include <torch/types.h>

#include "models/kernels/algorithms/pool_window.h"
#include "models/kernels/blocking/allocate.h"

namespace skipzoo {

/// Whether max_pool() knows this window: of up to nine pixels, floor mode.
bool suits_max_pool(const PoolWindow& window);

/// The largest number of each window that the images, or a border of less than
/// any number around them, fill: torch::max_pool2d of floor mode without its
/// indices, a NaN where a window has one. (N, C, H, W) images of float, double
/// or bfloat16 -> channels-last. No gradient.
torch::Tensor max_pool(const torch::Tensor& images, const PoolWindow& window,
                       Allocate allocate = allocate_images);

}  // namespace skipzoo
