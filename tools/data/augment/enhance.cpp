#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "tools/data/augment/pixel_operations.h"

namespace skipzoo {

namespace {

/// convert("L") of a pixel: ITU-R 601 in PIL's integers.
int grey_of(const uint8_t* rgb) {
  return (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16;
}

/// Each pixel's grey, three times.
void grey_row(const uint8_t* rgb, uint8_t* grey, int64_t width) {
  for (int64_t x = 0; x < width; ++x) {
    const auto value = static_cast<uint8_t>(grey_of(rgb + 3 * x));
    grey[3 * x] = value;
    grey[3 * x + 1] = value;
    grey[3 * x + 2] = value;
  }
}

/// Away from one value, the same for all pixels: a table of 256.
void blend_from(Image& image, uint8_t plain, double factor) {
  if (factor == 1) return;
  std::array<uint8_t, 256> table;
  for (size_t i = 0; i < 256; ++i) table[i] = static_cast<uint8_t>(i);
  const std::vector<uint8_t> from(256, plain);
  blend(from.data(), table.data(), 256, static_cast<float>(factor));
  for (auto& value : image.pixels) value = table[value];
}

uint8_t mean_grey(const Image& image) {
  int64_t sum = 0;
  const int64_t count = image.height * image.width;
  const uint8_t* values = image.pixels.data();
  if (image.channels == 1) {
    for (int64_t i = 0; i < count; ++i) sum += values[i];
  } else {
    for (int64_t i = 0; i < count; ++i) sum += grey_of(values + 3 * i);
  }
  return static_cast<uint8_t>(
      static_cast<double>(sum) / static_cast<double>(count) + 0.5);
}

/// ImageFilter.SMOOTH of a row between two others: (1 1 1; 1 5 1; 1 1 1) / 13,
/// rounded. sums: room for a row's columns.
void smooth_row(const uint8_t* above, const uint8_t* row, const uint8_t* below,
                int64_t width, int64_t channels, uint16_t* sums, uint8_t* out) {
  const int64_t count = width * channels;
  for (int64_t i = 0; i < count; ++i) {
    sums[i] = static_cast<uint16_t>(above[i] + row[i] + below[i]);
  }
  std::copy(row, row + channels, out);
  for (int64_t i = channels; i < count - channels; ++i) {
    const auto sum = static_cast<uint16_t>(sums[i - channels] + sums[i] +
                                           sums[i + channels] + 4 * row[i] + 6);
    // A product and a shift give the quotient by 13 of every sum there is.
    out[i] = static_cast<uint8_t>((static_cast<uint32_t>(sum) * 5042U) >> 16);
  }
  std::copy(row + count - channels, row + count, out + count - channels);
}

}  // namespace

void blend(const uint8_t* from, uint8_t* to, int64_t count, float alpha) {
  for (int64_t i = 0; i < count; ++i) {
    const auto base = static_cast<float>(from[i]);
    const float value = base + alpha * static_cast<float>(to[i] - from[i]);
    to[i] = static_cast<uint8_t>(
        static_cast<int>(std::min(std::max(value, 0.0F), 255.0F)));
  }
}

void adjust_color(Image& image, double factor) {
  if (image.channels == 1 || factor == 1) return;
  std::vector<uint8_t> grey(static_cast<size_t>(3 * image.width));
  for (int64_t y = 0; y < image.height; ++y) {
    uint8_t* row = &image.pixels[static_cast<size_t>(3 * y * image.width)];
    grey_row(row, grey.data(), image.width);
    blend(grey.data(), row, 3 * image.width, static_cast<float>(factor));
  }
}

void make_grey(Image& image) {
  if (image.channels == 1) return;
  const int64_t count = image.height * image.width;
  grey_row(image.pixels.data(), image.pixels.data(), count);
}

void adjust_contrast(Image& image, double factor) {
  blend_from(image, mean_grey(image), factor);
}

void adjust_brightness(Image& image, double factor) {
  blend_from(image, 0, factor);
}

void adjust_sharpness(Image& image, double factor) {
  // Of less than three rows or columns SMOOTH gives the picture itself.
  if (factor == 1 || image.height < 3 || image.width < 3) return;
  const int64_t count = image.width * image.channels;
  const auto size = static_cast<size_t>(count);
  std::vector<uint8_t> above(size), row(size), smooth(size);
  std::vector<uint16_t> sums(size);
  uint8_t* at = image.pixels.data();
  std::copy(at, at + count, above.begin());
  for (int64_t y = 1; y + 1 < image.height; ++y) {
    at += count;
    std::copy(at, at + count, row.begin());
    smooth_row(above.data(), row.data(), at + count, image.width,
               image.channels, sums.data(), smooth.data());
    blend(smooth.data(), at, count, static_cast<float>(factor));
    std::swap(above, row);
  }
}

}  // namespace skipzoo
