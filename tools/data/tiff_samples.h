#pragma once

#include <cstdint>

#include "tools/data/decoders.h"
#include "tools/data/image.h"

namespace skipzoo {

/// What the samples of a TIFF's pixels are (TIFF 6.0, section 4 to 6 and 16).
struct TiffLayout {
  enum class Colours { kWhiteIsZero, kBlackIsZero, kRgb, kPalette, kCmyk };

  int64_t height = 0;
  int64_t width = 0;
  int bits = 0;   ///< Of a sample: 1, 2, 4, 8 or 16; of an index at most 8.
  int given = 0;  ///< Samples that a pixel has.
  int used = 0;   ///< How many of them, from the first on, are looked at.
  Colours colours = Colours::kBlackIsZero;
  bool is_separate = false;    ///< Each sample has a plane of its own.
  bool is_multiplied = false;  ///< By alpha, which is the last one used.

  /// Planes that are looked at, and samples of a pixel in each.
  int64_t planes() const { return is_separate ? used : 1; }
  int64_t samples_together() const { return is_separate ? 1 : given; }
};

/// Packed samples, gathered row by row, and the picture that they make.
class TiffSamples {
 public:
  explicit TiffSamples(const TiffLayout& layout);

  /// Takes those of a place one row high. row: as libtiff gives them, 16 bits
  /// in this machine's byte order.
  void take(const uint8_t* row, const Window& place, int64_t plane);
  /// 1 or 3 channels, or CMYK inverted, as Adobe writes it. The palette is one
  /// of Colours::kPalette alone.
  Image image(const Palette& palette) &&;

 private:
  uint8_t byte_of(const uint8_t* row, int64_t sample) const;
  Image without_alpha() const;

  TiffLayout layout_;
  Image samples_;  ///< Those used, a byte each.
};

}  // namespace skipzoo
