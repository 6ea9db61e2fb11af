#include <algorithm>
#include <array>

#include "tools/data/augment/pixel_operations.h"

namespace skipzoo {

namespace {

uint8_t to_byte(int value) {
  return static_cast<uint8_t>(std::clamp(value, 0, 255));
}

struct Hsv {
  uint8_t hue, saturation, value;
};

/// PIL's convert("HSV"): float where that is, double where that is, for the
/// last bit decides between two bytes.
Hsv hsv_of(const uint8_t* rgb) {
  const int r = rgb[0], g = rgb[1], b = rgb[2];
  const int most = std::max({r, g, b});
  const int least = std::min({r, g, b});
  if (most == least) return {0, 0, static_cast<uint8_t>(most)};
  const auto range = static_cast<float>(most - least);
  const float saturation = range / static_cast<float>(most);
  const float red = static_cast<float>(most - r) / range;
  const float green = static_cast<float>(most - g) / range;
  const float blue = static_cast<float>(most - b) / range;
  float hue = 0;
  if (r == most) {
    hue = blue - green;
  } else if (g == most) {
    hue = static_cast<float>(2.0 + red - blue);
  } else {
    hue = static_cast<float>(4.0 + green - red);
  }
  // PIL takes fmod by 1, of 0.8 … 1.9; libm's calls are most of the time.
  const double turned = hue / 6.0 + 1.0;
  hue = static_cast<float>(turned >= 1 ? turned - 1 : turned);
  return {to_byte(static_cast<int>(hue * 255.0)),
          to_byte(static_cast<int>(saturation * 255.0)),
          static_cast<uint8_t>(most)};
}

void store_rgb(const Hsv& in, uint8_t* rgb) {
  if (in.saturation == 0) {
    std::fill(rgb, rgb + 3, in.value);
    return;
  }
  const auto value = static_cast<float>(in.value);
  const double turned = static_cast<float>(in.hue) * 6.0 / 255.0;
  const auto sector = static_cast<int>(turned);
  const auto within = static_cast<float>(turned - static_cast<float>(sector));
  const auto s = static_cast<float>(static_cast<float>(in.saturation) / 255.0);
  const auto rounded = [](double x) {
    return to_byte(static_cast<int>(double{static_cast<float>(x)} + 0.5));
  };
  const uint8_t v = in.value;
  const uint8_t p = rounded(value * (1.0 - s));
  const uint8_t q = rounded(value * (1.0 - s * within));
  const uint8_t t = rounded(value * (1.0 - s * (1.0 - within)));
  const std::array<std::array<uint8_t, 3>, 6> sectors = {
      {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}}};
  const auto& chosen = sectors[static_cast<size_t>(sector % 6)];
  std::copy(chosen.begin(), chosen.end(), rgb);
}

}  // namespace

void adjust_hue(Image& image, double turn) {
  if (image.channels == 1) return;
  // As NumPy: cut to a whole number, then added modulo 256.
  const auto by = static_cast<uint8_t>(static_cast<int>(turn * 255));
  for (size_t i = 0; i + 2 < image.pixels.size(); i += 3) {
    Hsv hsv = hsv_of(&image.pixels[i]);
    hsv.hue = static_cast<uint8_t>(hsv.hue + by);
    store_rgb(hsv, &image.pixels[i]);
  }
}

}  // namespace skipzoo
