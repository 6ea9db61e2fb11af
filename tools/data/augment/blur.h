#pragma once

#include <cstdint>

#include "tools/data/image.h"

namespace skipzoo {

/// torchvision's gaussian_blur: weights exp(-d^2 / (2 sigma^2)) of `size`
/// pixels each way, scaled to a sum of 1; beyond the edge the picture is
/// mirrored, its outermost pixels not repeated. size: odd.
Image gaussian_blur(const Image& image, int64_t size, double sigma);

}  // namespace skipzoo
