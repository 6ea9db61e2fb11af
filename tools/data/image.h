#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace skipzoo {

/// PIL's limit for a picture that is more likely an attack than a photo.
constexpr int64_t kMostPixels = 178'956'970;

/// Beyond what a picture of so many pixels takes, even one of 16 bits.
constexpr int64_t kMostBytesOfPicture = int64_t{2} << 30;

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

/// A part of a picture: its upper left corner and its size, in pixels.
struct Window {
  int64_t top = 0;
  int64_t left = 0;
  int64_t height = 0;
  int64_t width = 0;
};
/// The part that is wanted of a picture of that size; it lies within.
using ChooseWindow = std::function<Window(int64_t height, int64_t width)>;

/// What becomes of the EXIF orientation, which says how a picture is to be
/// turned to stand upright.
enum class Exif {
  kApply,   ///< It is turned so, as by PIL's ImageOps.exif_transpose.
  kIgnore,  ///< It stays as it is stored.
};

/// How pictures are read. The number of channels alone, 1 or 3, stands for the
/// rest as it mostly is.
struct ReadImage {
  int64_t channels;
  Exif exif;

  ReadImage(int64_t number_of_channels, Exif what_of_exif = Exif::kApply)
      : channels(number_of_channels), exif(what_of_exif) {}
};

/// The window whose upper left corner is (top, left), which may lie outside:
/// what is outside is zero.
Image crop(const Image& image, int64_t top, int64_t left, int64_t height,
           int64_t width);
/// What `choose` asks for of it, or all where that is empty.
Image part_of(Image image, const ChooseWindow& choose);

/// A picture file in memory, its first page or frame, recognised by content, as
/// PIL reads it and convert("L") or convert("RGB") leaves it: alpha is dropped,
/// palettes are looked up, CMYK of a JPEG is Adobe's inverted one. 16 bits are
/// shifted to 8. A JPEG whose rows are all there is read whatever stands behind
/// them. Throws std::runtime_error saying what is wrong with it, or that its
/// kind is not read (picture_kind.h).
///
/// With `choose`, the part that it asks for, of the picture as it stands
/// upright where EXIF applies: those pixels of the whole picture, and the
/// errors of the whole, though of a JPEG little else is decoded.
Image decode_image(std::span<const uint8_t> bytes, const ReadImage& how,
                   const ChooseWindow& choose = {});
/// The same for a file. The first one that EXIF wants turned is named in the
/// log, once a process: a line where it is, a warning where it is not. Throws
/// FileError.
Image read_image(const std::filesystem::path& path, const ReadImage& how,
                 const ChooseWindow& choose = {});

/// Grey from RGB by ITU-R 601 in PIL's integers, RGB from grey by repetition;
/// any other change throws std::runtime_error.
Image with_channels(Image image, int64_t channels);

}  // namespace skipzoo
