#include "tools/data/orientation.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace skipzoo {

namespace {

/// Every turn is an exchange of rows and columns, or none, before which rows,
/// columns or both are put in the opposite order.
bool reverses_rows(int orientation) {
  return orientation == 3 || orientation == 4 || orientation == 6 ||
         orientation == 7;
}
bool reverses_columns(int orientation) {
  return orientation == 2 || orientation == 3 || orientation == 7 ||
         orientation == 8;
}

/// out(r, c) = in[first + r * by_row + c * by_column], offsets in pixels.
template <int64_t kChannels>
void copy_turned(const uint8_t* in, int64_t by_row, int64_t by_column,
                 Image& out) {
  // In squares: a row of one is a column of the other, and what is read of it
  // stays in the cache for the next row.
  constexpr int64_t kSquare = 32;
  for (int64_t r0 = 0; r0 < out.height; r0 += kSquare) {
    const int64_t r1 = std::min(r0 + kSquare, out.height);
    for (int64_t c0 = 0; c0 < out.width; c0 += kSquare) {
      const int64_t c1 = std::min(c0 + kSquare, out.width);
      for (int64_t r = r0; r < r1; ++r) {
        const uint8_t* from = in + (r * by_row + c0 * by_column) * kChannels;
        uint8_t* to = out.pixels.data() + (r * out.width + c0) * kChannels;
        for (int64_t c = c0; c < c1; ++c) {
          std::memcpy(to, from, kChannels);
          from += by_column * kChannels;
          to += kChannels;
        }
      }
    }
  }
}

}  // namespace

int exif_orientation(std::span<const uint8_t> exif) {
  constexpr std::string_view kName("Exif\0\0", 6);
  const auto starts_with = [&](std::string_view text) {
    return exif.size() >= text.size() &&
           std::memcmp(exif.data(), text.data(), text.size()) == 0;
  };
  while (starts_with(kName)) exif = exif.subspan(kName.size());
  const bool little = starts_with(std::string_view("II*\0", 4));
  if (!little && !starts_with(std::string_view("MM\0*", 4))) return 1;
  const auto number = [&](size_t at, size_t bytes) -> size_t {
    if (at > exif.size() || exif.size() - at < bytes) return 0;
    size_t value = 0;
    for (size_t i = 0; i < bytes; ++i) {
      value = value << 8 | exif[at + (little ? bytes - 1 - i : i)];
    }
    return value;
  };
  constexpr size_t kOrientation = 0x0112, kEntry = 12, kLong = 4;
  const size_t directory = number(4, 4);
  const size_t entries = number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + kEntry * i;
    if (number(entry, 2) != kOrientation) continue;
    const size_t value =
        number(entry + 8, number(entry + 2, 2) == kLong ? 4 : 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Window stored_window(const Window& upright, int orientation, int64_t height,
                     int64_t width) {
  Window stored = upright;
  if (swaps_sides(orientation)) {
    stored = {upright.left, upright.top, upright.width, upright.height};
  }
  if (reverses_rows(orientation)) {
    stored.top = height - stored.top - stored.height;
  }
  if (reverses_columns(orientation)) {
    stored.left = width - stored.left - stored.width;
  }
  return stored;
}

Image turned(Image stored, int orientation) {
  const bool rows = reverses_rows(orientation);
  const bool columns = reverses_columns(orientation);
  const bool swaps = swaps_sides(orientation);
  if (!rows && !columns && !swaps) return stored;
  const int64_t height = stored.height, width = stored.width;
  Image upright(stored.channels, swaps ? width : height,
                swaps ? height : width);
  const int64_t first =
      (rows ? (height - 1) * width : 0) + (columns ? width - 1 : 0);
  const int64_t down = rows ? -width : width;
  const int64_t right = columns ? -1 : 1;
  const uint8_t* in = stored.pixels.data() + first * stored.channels;
  const int64_t by_row = swaps ? right : down;
  const int64_t by_column = swaps ? down : right;
  if (stored.channels == 1) {
    copy_turned<1>(in, by_row, by_column, upright);
  } else {
    copy_turned<3>(in, by_row, by_column, upright);
  }
  return upright;
}

}  // namespace skipzoo
