#include <algorithm>
#include <array>
#include <cmath>

#include "tools/data/augment/nearest.h"

namespace skipzoo {

namespace {

double linear(double a, double b, double d) { return a + (b - a) * d; }

/// PIL's cubic through four values (a = -1), d beyond the second.
double cubic(const std::array<double, 4>& v, double d) {
  const double p1 = v[2] - v[0];
  const double p2 = 2 * (v[0] - v[1]) + v[2] - v[3];
  const double p3 = -v[0] + v[1] - v[2] + v[3];
  return v[1] + d * (p1 + d * (p2 + d * p3));
}

/// A picture read between its pixels. Beyond the edge stand the edge's pixels,
/// but for rows below the last one, which repeat what was found above them.
class Between {
 public:
  explicit Between(const Image& image)
      : pixels_(image.pixels.data()),
        c_(image.channels),
        w_(image.width),
        h_(image.height) {}

  void bilinear(double x, double y, uint8_t* out) const {
    const auto column = static_cast<int64_t>(std::floor(x));
    const auto row = static_cast<int64_t>(std::floor(y));
    const double dx = x - static_cast<double>(column);
    const double dy = y - static_cast<double>(row);
    const int64_t x0 = c_ * clip(column, w_), x1 = c_ * clip(column + 1, w_);
    const uint8_t* upper = row_at(clip(row, h_));
    const uint8_t* lower = row + 1 < h_ ? row_at(row + 1) : upper;
    for (int64_t c = 0; c < c_; ++c) {
      const double above = linear(upper[x0 + c], upper[x1 + c], dx);
      const double below = linear(lower[x0 + c], lower[x1 + c], dx);
      out[c] = static_cast<uint8_t>(linear(above, below, dy));
    }
  }

  void bicubic(double x, double y, uint8_t* out) const {
    const auto column = static_cast<int64_t>(std::floor(x));
    const auto row = static_cast<int64_t>(std::floor(y));
    const double dx = x - static_cast<double>(column);
    const double dy = y - static_cast<double>(row);
    std::array<int64_t, 4> at;
    std::array<const uint8_t*, 4> rows;
    for (int64_t i = 0; i < 4; ++i) {
      const auto k = static_cast<size_t>(i);
      at[k] = c_ * clip(column - 1 + i, w_);
      const int64_t y_in = row - 1 + i;
      rows[k] = i == 0                   ? row_at(clip(y_in, h_))
                : y_in >= 0 && y_in < h_ ? row_at(y_in)
                                         : rows[k - 1];
    }
    for (int64_t c = 0; c < c_; ++c) {
      std::array<double, 4> found;
      for (size_t k = 0; k < 4; ++k) {
        const uint8_t* in = rows[k] + c;
        found[k] = k > 0 && rows[k] == rows[k - 1]
                       ? found[k - 1]
                       : cubic({double(in[at[0]]), double(in[at[1]]),
                                double(in[at[2]]), double(in[at[3]])},
                               dx);
      }
      out[c] = static_cast<uint8_t>(std::clamp(cubic(found, dy), 0.0, 255.0));
    }
  }

 private:
  static int64_t clip(int64_t at, int64_t size) {
    return std::clamp<int64_t>(at, 0, size - 1);
  }
  const uint8_t* row_at(int64_t row) const { return pixels_ + row * w_ * c_; }

  const uint8_t* pixels_;
  int64_t c_, w_, h_;
};

}  // namespace

void transform_between(const Image& image, const AffineMatrix& m,
                       Resampling resampling, Image& out) {
  const Between source(image);
  const auto width = static_cast<double>(image.width);
  const auto height = static_cast<double>(image.height);
  uint8_t* to = out.pixels.data();
  for (int64_t row = 0; row < image.height; ++row) {
    const double y = static_cast<double>(row) + 0.5;
    for (int64_t column = 0; column < image.width; ++column) {
      const double x = static_cast<double>(column) + 0.5;
      const double from_x = m[0] * x + m[1] * y + m[2];
      const double from_y = m[3] * x + m[4] * y + m[5];
      if (from_x >= 0 && from_x < width && from_y >= 0 && from_y < height) {
        if (resampling == Resampling::kBilinear) {
          source.bilinear(from_x - 0.5, from_y - 0.5, to);
        } else {
          source.bicubic(from_x - 0.5, from_y - 0.5, to);
        }
      }
      to += image.channels;
    }
  }
}

}  // namespace skipzoo
