#include "tools/data/tiff_samples.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace skipzoo {

TiffSamples::TiffSamples(const TiffLayout& layout)
    : layout_(layout), samples_(layout.used, layout.height, layout.width) {}

void TiffSamples::take(const uint8_t* row, const Window& place, int64_t plane) {
  const int64_t stride = layout_.samples_together();
  const int64_t count = layout_.is_separate ? 1 : layout_.used;
  const int64_t first = place.top * layout_.width + place.left;
  uint8_t* out = samples_.pixels.data() + first * layout_.used + plane;
  for (int64_t x = 0; x < place.width; ++x, out += layout_.used) {
    for (int64_t s = 0; s < count; ++s) out[s] = byte_of(row, x * stride + s);
  }
}

/// A sample as 0 to 255, or an index as it is.
uint8_t TiffSamples::byte_of(const uint8_t* row, int64_t sample) const {
  const int bits = layout_.bits;
  if (bits == 8) return row[sample];
  if (bits == 16) {
    uint16_t value = 0;
    std::memcpy(&value, row + 2 * sample, sizeof(value));
    return static_cast<uint8_t>(value >> 8);
  }
  const int64_t bit = sample * bits;
  const int most = (1 << bits) - 1;
  const int value = (row[bit / 8] >> (8 - bits - bit % 8)) & most;
  return static_cast<uint8_t>(layout_.colours == TiffLayout::Colours::kPalette
                                  ? value
                                  : value * 255 / most);
}

Image TiffSamples::image(const Palette& palette) && {
  using Colours = TiffLayout::Colours;
  if (layout_.colours == Colours::kPalette) return coloured(samples_, palette);
  if (layout_.colours == Colours::kWhiteIsZero ||
      layout_.colours == Colours::kCmyk) {
    for (uint8_t& value : samples_.pixels) {
      value = static_cast<uint8_t>(255 - value);
    }
  }
  return layout_.is_multiplied ? without_alpha() : std::move(samples_);
}

/// Colours as they were before they were multiplied by alpha, in PIL's
/// integers; black where that is 0.
Image TiffSamples::without_alpha() const {
  const int64_t used = layout_.used;
  Image image(used - 1, layout_.height, layout_.width);
  uint8_t* out = image.pixels.data();
  for (auto in = samples_.pixels.begin(); in != samples_.pixels.end();
       in += used) {
    const int alpha = in[used - 1];
    for (int64_t c = 0; c + 1 < used; ++c) {
      const int value = alpha == 0 ? 0 : in[c] * 255 / alpha;
      *out++ = static_cast<uint8_t>(std::min(value, 255));
    }
  }
  return image;
}

}  // namespace skipzoo
