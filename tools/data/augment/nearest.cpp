#include "tools/data/augment/nearest.h"

#include <cmath>
#include <cstring>
#include <vector>

namespace skipzoo {

namespace {

int64_t fixed(double value) {
  return static_cast<int64_t>(std::floor(value * 65536.0 + 0.5));
}

/// Where a row of the result is read, by columns and by rows, in 16.16 bits.
struct Line {
  int64_t x, y;
  int64_t step_x, step_y;
};

/// The columns of the result that lie inside the picture: an interval, as a
/// line crosses a rectangle once.
struct Columns {
  int64_t first, last;
};

Columns inside(const Line& line, int64_t width, int64_t height) {
  const auto is_inside = [&](int64_t column) {
    const int64_t x = (line.x + column * line.step_x) >> 16;
    const int64_t y = (line.y + column * line.step_y) >> 16;
    return x >= 0 && x < width && y >= 0 && y < height;
  };
  Columns out = {0, width};
  while (out.first < out.last && !is_inside(out.first)) ++out.first;
  while (out.last > out.first && !is_inside(out.last - 1)) --out.last;
  return out;
}

template <int64_t kChannels>
void read_line(const uint8_t* from, int64_t width, const Line& line,
               const Columns& columns, uint8_t* to) {
  int64_t x = line.x + columns.first * line.step_x;
  int64_t y = line.y + columns.first * line.step_y;
  uint8_t* out = to + kChannels * columns.first;
  uint8_t* const end = to + kChannels * columns.last;
  for (; out != end; out += kChannels) {
    std::memcpy(out, from + kChannels * ((y >> 16) * width + (x >> 16)),
                kChannels);
    x += line.step_x;
    y += line.step_y;
  }
}

/// Nothing turns: each column of the result is one of the picture's, and each
/// row one of its rows. PIL adds up in double here.
void scale(const Image& image, const AffineMatrix& m, Image& out) {
  const auto source = [](double start, double step, int64_t count,
                         int64_t limit) {
    std::vector<int64_t> from(static_cast<size_t>(count), -1);
    double at = start + step * 0.5;
    for (auto& index : from) {
      if (at >= 0 && at < static_cast<double>(limit)) {
        index = static_cast<int64_t>(at);
      }
      at += step;
    }
    return from;
  };
  const auto columns = source(m[2], m[0], image.width, image.width);
  const auto rows = source(m[5], m[4], image.height, image.height);
  const int64_t c = image.channels;
  const int64_t stride = c * image.width;
  int64_t first = 0, last = image.width;
  while (first < last && columns[static_cast<size_t>(first)] < 0) ++first;
  while (last > first && columns[static_cast<size_t>(last - 1)] < 0) --last;
  if (first == last) return;
  const int64_t start = columns[static_cast<size_t>(first)];
  const bool is_copy =
      columns[static_cast<size_t>(last - 1)] - start == last - 1 - first;
  for (int64_t y = 0; y < image.height; ++y) {
    const int64_t row = rows[static_cast<size_t>(y)];
    if (row < 0) continue;
    const uint8_t* from = image.pixels.data() + row * stride;
    uint8_t* to = out.pixels.data() + y * stride;
    if (is_copy) {
      std::memcpy(to + c * first, from + c * start,
                  static_cast<size_t>(c * (last - first)));
      continue;
    }
    for (int64_t x = first; x < last; ++x) {
      std::memcpy(to + c * x, from + c * columns[static_cast<size_t>(x)],
                  static_cast<size_t>(c));
    }
  }
}

}  // namespace

void transform_nearest(const Image& image, const AffineMatrix& m, Image& out) {
  if (m[1] == 0 && m[3] == 0) return scale(image, m, out);
  Line line = {.x = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5),
               .y = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5),
               .step_x = fixed(m[0]),
               .step_y = fixed(m[3])};
  uint8_t* to = out.pixels.data();
  for (int64_t y = 0; y < image.height; ++y) {
    const Columns columns = inside(line, image.width, image.height);
    if (image.channels == 1) {
      read_line<1>(image.pixels.data(), image.width, line, columns, to);
    } else {
      read_line<3>(image.pixels.data(), image.width, line, columns, to);
    }
    to += image.channels * image.width;
    line.x += fixed(m[1]);
    line.y += fixed(m[4]);
  }
}

}  // namespace skipzoo
