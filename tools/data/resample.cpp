#include "tools/data/resample.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "models/kernels/simd/processor.h"
#include "tools/data/resample_rows.h"

namespace skipzoo {

namespace {

double triangle(double x) {
  x = std::abs(x);
  return x < 1 ? 1 - x : 0;
}

/// Keys' cubic with a = -0.5.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

/// The most bits with which the largest weight fits into 16.
int bits_of(double largest) {
  int bits = 0;
  while (bits < 22 &&
         static_cast<int>(0.5 + largest * static_cast<double>(
                                              1 << (bits + 1))) < (1 << 15)) {
    ++bits;
  }
  return bits;
}

Image along_rows(const Image& image, int64_t width,
                 Interpolation interpolation) {
  const Taps taps(image.width, width, interpolation);
  Image out(image.channels, image.height, width);
  resample_rows(image, taps, out);
  return out;
}

Image along_columns(const Image& image, int64_t height,
                    Interpolation interpolation) {
  const Taps taps(image.height, height, interpolation);
  Image out(image.channels, height, image.width);
  const int64_t bytes = image.channels * image.width;
  for (int64_t y = 0; y < height; ++y) {
    const auto i = static_cast<size_t>(y);
    weighted_sum(&image.pixels[static_cast<size_t>(taps.first[i] * bytes)],
                 bytes,
                 std::span(taps.weights)
                     .subspan(i * static_cast<size_t>(taps.taps),
                              static_cast<size_t>(taps.count[i])),
                 taps.shift, &out.pixels[i * static_cast<size_t>(bytes)]);
  }
  return out;
}

}  // namespace

Taps::Taps(int64_t from, int64_t to, Interpolation interpolation) {
  const bool bilinear = interpolation == Interpolation::kBilinear;
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double radius = (bilinear ? 1 : 2) * std::max(scale, 1.0);
  const double narrower = 1 / std::max(scale, 1.0);
  // Rounded to float first, as PyTorch does it.
  const auto most =
      2 * static_cast<int64_t>(std::ceil(static_cast<float>(radius))) + 1;
  const auto centre_of = [scale](size_t i) {
    return scale * (static_cast<double>(i) + 0.5);
  };
  const auto size = static_cast<size_t>(to);
  for (size_t i = 0; i < size; ++i) {
    const double centre = centre_of(i);
    const auto low = static_cast<int64_t>(centre - radius + 0.5);
    const auto high = static_cast<int64_t>(centre + radius + 0.5);
    first.push_back(std::max<int64_t>(low, 0));
    count.push_back(
        std::clamp<int64_t>(std::min(high, from) - first.back(), 0, most));
  }
  taps = (*std::ranges::max_element(count) + 3) / 4 * 4;
  std::vector<double> exact(static_cast<size_t>(to * taps));
  double largest = 0;
  for (size_t i = 0; i < size; ++i) {
    double* own = exact.data() + i * static_cast<size_t>(taps);
    double sum = 0;
    for (int64_t j = 0; j < count[i]; ++j) {
      const double x = static_cast<double>(j + first[i]) - centre_of(i) + 0.5;
      own[j] = bilinear ? triangle(x * narrower) : cubic(x * narrower);
      sum += own[j];
    }
    if (sum == 0) continue;
    for (int64_t j = 0; j < count[i]; ++j) {
      own[j] /= sum;
      largest = std::max(largest, own[j]);
    }
  }
  shift = bits_of(largest);
  weights.reserve(exact.size());
  for (const double weight : exact) {
    const double scaled = weight * static_cast<double>(1 << shift);
    weights.push_back(
        static_cast<int16_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
  }
}

bool resamples_fast() {
#ifdef SKIPZOO_RESAMPLE_AVX2
  return has_avx2();
#else
  return false;
#endif
}

Image resample(const Image& image, int64_t height, int64_t width,
               Interpolation interpolation) {
  if (width == image.width) return along_columns(image, height, interpolation);
  if (height == image.height) return along_rows(image, width, interpolation);
  return along_columns(along_rows(image, width, interpolation), height,
                       interpolation);
}

}  // namespace skipzoo
