#pragma once

#include <array>
#include <cstdint>

#include "tools/data/image.h"

namespace skipzoo {

/// How a value between pixels is found, without antialiasing: PIL's
/// NEAREST, BILINEAR and BICUBIC of Image.transform.
enum class Resampling { kNearest, kBilinear, kBicubic };

/// What stands outside the picture, a value a channel.
using Fill = std::array<uint8_t, 3>;

/// From where a pixel comes: that of the result whose middle is at (x, y) is
/// read at (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]).
using AffineMatrix = std::array<double, 6>;

/// PIL's Image.transform(size, AFFINE, matrix), in PIL's arithmetic: 16.16 bits
/// of fixed point where it takes the nearest pixel, double elsewhere.
Image transform(Image image, const AffineMatrix& matrix, Resampling resampling,
                const Fill& fill);

/// PIL's Image.rotate: degrees counter-clockwise about the middle, of the same
/// size.
Image rotate(Image image, double degrees, Resampling resampling,
             const Fill& fill);

/// Upside down: PIL's FLIP_TOP_BOTTOM.
void flip_vertically(Image& image);

}  // namespace skipzoo
