#include <algorithm>
#include <array>

#include "tools/data/augment/nearest.h"

namespace skipzoo {

namespace {

/// A whole number below and how far above it a place is.
struct Place {
  int64_t whole;
  double rest;

  explicit Place(double at) : whole(static_cast<int64_t>(at)) {
    // std::floor is a call on processors of before 2008, for which this is
    // compiled.
    if (at < static_cast<double>(whole)) --whole;
    rest = at - static_cast<double>(whole);
  }
};

double linear(double a, double b, double d) { return a + (b - a) * d; }

/// PIL's cubic through four values (a = -1), d beyond the second. In PIL's
/// order, for the last bit decides between two bytes; of whole numbers all
/// sums are exact.
template <typename T>
double cubic(T v0, T v1, T v2, T v3, double d) {
  const auto p1 = static_cast<double>(v2 - v0);
  const auto p2 = static_cast<double>(2 * (v0 - v1) + v2 - v3);
  const auto p3 = static_cast<double>(-v0 + v1 - v2 + v3);
  return static_cast<double>(v1) + d * (p1 + d * (p2 + d * p3));
}

/// A picture read between its pixels. Beyond the edge stand the edge's pixels.
template <int64_t kChannels>
class Between {
 public:
  explicit Between(const Image& image)
      : pixels_(image.pixels.data()), w_(image.width), h_(image.height) {}

  void bilinear(double at_x, double at_y, uint8_t* out) const {
    const Place x(at_x), y(at_y);
    const int64_t x0 = kChannels * clip(x.whole, w_);
    const int64_t x1 = kChannels * clip(x.whole + 1, w_);
    const uint8_t* upper = row_at(y.whole);
    const uint8_t* lower = row_at(std::max<int64_t>(y.whole + 1, 0));
    for (int64_t c = 0; c < kChannels; ++c) {
      const double above = linear(upper[x0 + c], upper[x1 + c], x.rest);
      const double below = linear(lower[x0 + c], lower[x1 + c], x.rest);
      out[c] = static_cast<uint8_t>(linear(above, below, y.rest));
    }
  }

  void bicubic(double at_x, double at_y, uint8_t* out) const {
    const Place x(at_x), y(at_y);
    std::array<int64_t, 4> columns;
    std::array<const uint8_t*, 4> rows;
    for (int64_t i = 0; i < 4; ++i) {
      const auto k = static_cast<size_t>(i);
      columns[k] = kChannels * clip(x.whole - 1 + i, w_);
      rows[k] = row_at(y.whole - 1 + i);
    }
    for (int64_t c = 0; c < kChannels; ++c) {
      const auto in_row = [&](const uint8_t* row) {
        const uint8_t* in = row + c;
        return cubic<int>(in[columns[0]], in[columns[1]], in[columns[2]],
                          in[columns[3]], x.rest);
      };
      const double found = cubic(in_row(rows[0]), in_row(rows[1]),
                                 in_row(rows[2]), in_row(rows[3]), y.rest);
      out[c] = static_cast<uint8_t>(std::clamp(found, 0.0, 255.0));
    }
  }

 private:
  static int64_t clip(int64_t at, int64_t size) {
    return std::clamp<int64_t>(at, 0, size - 1);
  }
  const uint8_t* row_at(int64_t row) const {
    return pixels_ + clip(row, h_) * w_ * kChannels;
  }

  const uint8_t* pixels_;
  int64_t w_, h_;
};

template <int64_t kChannels, typename Read>
void each_inside(const AffineMatrix& m, Image& out, const Read& read) {
  const auto width = static_cast<double>(out.width);
  const auto height = static_cast<double>(out.height);
  uint8_t* to = out.pixels.data();
  for (int64_t row = 0; row < out.height; ++row) {
    const double y = static_cast<double>(row) + 0.5;
    for (int64_t column = 0; column < out.width; ++column, to += kChannels) {
      const double x = static_cast<double>(column) + 0.5;
      const double from_x = m[0] * x + m[1] * y + m[2];
      const double from_y = m[3] * x + m[4] * y + m[5];
      if (from_x >= 0 && from_x < width && from_y >= 0 && from_y < height) {
        read(from_x - 0.5, from_y - 0.5, to);
      }
    }
  }
}

template <int64_t kChannels>
void transform_channels(const Image& image, const AffineMatrix& matrix,
                        Resampling resampling, Image& out) {
  const Between<kChannels> source(image);
  if (resampling == Resampling::kBilinear) {
    each_inside<kChannels>(matrix, out, [&](double x, double y, uint8_t* to) {
      source.bilinear(x, y, to);
    });
  } else {
    each_inside<kChannels>(matrix, out, [&](double x, double y, uint8_t* to) {
      source.bicubic(x, y, to);
    });
  }
}

}  // namespace

void transform_between(const Image& image, const AffineMatrix& matrix,
                       Resampling resampling, Image& out) {
  if (image.channels == 1) {
    transform_channels<1>(image, matrix, resampling, out);
  } else {
    transform_channels<3>(image, matrix, resampling, out);
  }
}

}  // namespace skipzoo
