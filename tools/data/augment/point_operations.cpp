#include <algorithm>
#include <array>
#include <cmath>

#include "tools/data/augment/pixel_operations.h"

namespace skipzoo {

namespace {

using Table = std::array<uint8_t, 256>;

Table identity() {
  Table table;
  for (size_t i = 0; i < 256; ++i) table[i] = static_cast<uint8_t>(i);
  return table;
}

/// Arithmetic that a compiler vectorises, which beats a table.
template <typename Operation>
void each_value(Image& image, const Operation& operation) {
  uint8_t* values = image.pixels.data();
  const size_t count = image.pixels.size();
  for (size_t i = 0; i < count; ++i) values[i] = operation(values[i]);
}

/// A table a channel.
void look_up(Image& image, const std::array<Table, 3>& tables) {
  uint8_t* values = image.pixels.data();
  const size_t count = image.pixels.size();
  if (image.channels == 1) {
    for (size_t i = 0; i < count; ++i) values[i] = tables[0][values[i]];
    return;
  }
  for (size_t i = 0; i + 2 < count; i += 3) {
    values[i] = tables[0][values[i]];
    values[i + 1] = tables[1][values[i + 1]];
    values[i + 2] = tables[2][values[i + 2]];
  }
}

struct Extent {
  uint8_t lowest = 255;
  uint8_t highest = 0;
};

/// Of each channel. By blocks of 48 values, a whole number of pixels and of
/// vectors.
std::array<Extent, 3> extents(const Image& image) {
  constexpr size_t kBlock = 48;
  std::array<uint8_t, kBlock> low, high;
  low.fill(255);
  high.fill(0);
  const uint8_t* values = image.pixels.data();
  const size_t count = image.pixels.size();
  size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    for (size_t j = 0; j < kBlock; ++j) {
      const uint8_t value = values[i + j];
      low[j] = value < low[j] ? value : low[j];
      high[j] = value > high[j] ? value : high[j];
    }
  }
  for (size_t j = 0; i + j < count; ++j) {
    low[j] = std::min(low[j], values[i + j]);
    high[j] = std::max(high[j], values[i + j]);
  }
  std::array<Extent, 3> out;
  const auto channels = static_cast<size_t>(image.channels);
  for (size_t j = 0; j < kBlock; ++j) {
    Extent& own = out[j % channels];
    own.lowest = std::min(own.lowest, low[j]);
    own.highest = std::max(own.highest, high[j]);
  }
  return out;
}

Table stretched(const Extent& extent) {
  if (extent.highest <= extent.lowest) return identity();
  const double scale = 255.0 / (extent.highest - extent.lowest);
  const double offset = -extent.lowest * scale;
  Table table;
  for (size_t i = 0; i < 256; ++i) {
    const auto value =
        static_cast<int>(static_cast<double>(i) * scale + offset);
    table[i] = static_cast<uint8_t>(std::clamp(value, 0, 255));
  }
  return table;
}

using Histogram = std::array<int64_t, 256>;

Table equalised(const Histogram& counts) {
  int64_t sum = 0, last = 0, different = 0;
  for (const int64_t count : counts) {
    if (count == 0) continue;
    sum += count;
    last = count;
    ++different;
  }
  const int64_t step = (sum - last) / 255;
  if (different <= 1 || step == 0) return identity();
  Table table;
  int64_t reached = step / 2;
  for (size_t i = 0; i < 256; ++i) {
    table[i] = static_cast<uint8_t>(std::min<int64_t>(reached / step, 255));
    reached += counts[i];
  }
  return table;
}

}  // namespace

void autocontrast(Image& image) {
  const auto range = extents(image);
  look_up(image,
          {stretched(range[0]), stretched(range[1]), stretched(range[2])});
}

void equalize(Image& image) {
  std::array<Histogram, 3> counts = {};
  const auto channels = static_cast<size_t>(image.channels);
  for (size_t i = 0; i + channels <= image.pixels.size(); i += channels) {
    for (size_t c = 0; c < channels; ++c) ++counts[c][image.pixels[i + c]];
  }
  look_up(image,
          {equalised(counts[0]), equalised(counts[1]), equalised(counts[2])});
}

void invert(Image& image) {
  each_value(image, [](uint8_t v) { return static_cast<uint8_t>(~v); });
}

void posterize(Image& image, int64_t bits) {
  const auto mask = static_cast<uint8_t>(0xFF00 >> bits);
  each_value(image,
             [mask](uint8_t v) { return static_cast<uint8_t>(v & mask); });
}

void solarize(Image& image, double threshold) {
  if (threshold > 255) return;
  const auto least = static_cast<uint8_t>(std::max(std::ceil(threshold), 0.0));
  each_value(image, [least](uint8_t v) {
    return static_cast<uint8_t>(v < least ? v : ~v);
  });
}

void solarize_add(Image& image, int64_t add, int64_t threshold) {
  const auto most = static_cast<int>(threshold);
  const auto by = static_cast<int>(add);
  each_value(image, [most, by](uint8_t v) {
    return static_cast<uint8_t>(v < most ? std::min(v + by, 255) : v);
  });
}

}  // namespace skipzoo
