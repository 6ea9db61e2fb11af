#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace skipzoo {

/// PIL's limit for a picture that is more likely an attack than a photo.
constexpr int64_t kMostPixels = 178'956'970;

/// An 8-bit picture, pixels row by row, the channels of a pixel side by side.
struct Image {
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;
  std::vector<uint8_t> pixels;  ///< channels * height * width values.

  Image() = default;
  Image(int64_t c, int64_t h, int64_t w)
      : channels(c),
        height(h),
        width(w),
        pixels(static_cast<size_t>(c * h * w)) {}
};

/// A JPEG or PNG file in memory, recognised by content, as PIL reads it and
/// convert("L") or convert("RGB") leaves it: alpha is dropped, palettes are
/// looked up, CMYK is Adobe's inverted one. 16-bit PNGs are shifted to 8 bits.
/// channels: 1 or 3. Throws std::runtime_error saying what is wrong with it.
Image decode_image(std::span<const uint8_t> bytes, int64_t channels);
/// The same for a file. Throws FileError.
Image read_image(const std::filesystem::path& path, int64_t channels);

/// Grey from RGB by ITU-R 601 in PIL's integers, RGB from grey by repetition;
/// any other change throws std::runtime_error.
Image with_channels(Image image, int64_t channels);

}  // namespace skipzoo
