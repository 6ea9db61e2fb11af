#pragma once

#include <cstdint>
#include <span>

#include "tools/data/image.h"

namespace skipzoo {

// The two formats. Both throw std::runtime_error where the bytes are damaged.

/// 1 or 3 channels, or 4: CMYK as Adobe writes it, inverted. choose: as
/// decode_image() takes it.
Image decode_jpeg(std::span<const uint8_t> bytes, const ChooseWindow& choose);
/// 1 or 3 channels.
Image decode_png(std::span<const uint8_t> bytes);

/// Throws std::runtime_error for a size that no photo has.
void check_picture_size(int64_t height, int64_t width);

}  // namespace skipzoo
