#pragma once

#include <array>
#include <cstdint>

#include "models/tensor.h"
#include "tools/data/image.h"

namespace skipzoo {

/// Red, green and blue of a number in [0, 1]: the colour map turbo (A.
/// Mikhailov 2019), from dark blue by green to dark red, within 7 of its table.
/// What is outside counts as the nearer end.
std::array<uint8_t, 3> turbo(double value);

/// In those colours a heat map, float (h, w) on the CPU, pixel by pixel.
Image heat_colours(const torch::Tensor& heat);

/// A picture of 1 or 3 channels with a heat map over it, which is resized to
/// it: the mean of both, RGB.
Image with_heat(const Image& picture, const torch::Tensor& heat);

}  // namespace skipzoo
