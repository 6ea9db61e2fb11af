#include "tools/data/augment/blur.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace skipzoo {

namespace {

std::vector<float> gaussian(int64_t size, double sigma) {
  std::vector<double> weights;
  double sum = 0;
  for (int64_t i = 0; i < size; ++i) {
    const double at = static_cast<double>(i - size / 2) / sigma;
    weights.push_back(std::exp(-0.5 * at * at));
    sum += weights.back();
  }
  std::vector<float> out;
  for (const double w : weights) out.push_back(static_cast<float>(w / sum));
  return out;
}

/// The mirrored place, as often as it takes in a picture smaller than the blur.
int64_t reflected(int64_t at, int64_t size) {
  if (size == 1) return 0;
  const int64_t period = 2 * (size - 1);
  const int64_t within = (at % period + period) % period;
  return within < size ? within : period - within;
}

/// To the nearest, halves to the even one, as torch.round: beyond 2^23 floats
/// are whole numbers. A call of nearbyint is most of a blur's time.
uint8_t rounded(float value) {
  constexpr float kWhole = 12582912.0F;
  return static_cast<uint8_t>(
      static_cast<int>((std::min(value, 255.0F) + kWhole) - kWhole));
}

/// out += weight * in
template <typename T>
void add_scaled(const T* in, float weight, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    out[i] += weight * static_cast<float>(in[i]);
  }
}

}  // namespace

Image gaussian_blur(const Image& image, int64_t size, double sigma) {
  const auto weights = gaussian(size, sigma);
  const int64_t c = image.channels, w = image.width, half = size / 2;
  const int64_t stride = c * w;
  Image out(c, image.height, w);
  // A row mixed from those around it, with its mirrored ends.
  std::vector<float> wide(static_cast<size_t>(stride + 2 * half * c));
  std::vector<float> sums(static_cast<size_t>(stride));
  float* const row = wide.data() + half * c;
  for (int64_t y = 0; y < image.height; ++y) {
    std::fill(row, row + stride, 0.0F);
    for (int64_t k = 0; k < size; ++k) {
      const int64_t from = reflected(y + k - half, image.height);
      add_scaled(image.pixels.data() + from * stride,
                 weights[static_cast<size_t>(k)], row, stride);
    }
    for (int64_t x = 1; x <= half; ++x) {
      const float* left = row + reflected(-x, w) * c;
      const float* right = row + reflected(w - 1 + x, w) * c;
      std::copy(left, left + c, row - x * c);
      std::copy(right, right + c, row + (w - 1 + x) * c);
    }
    std::fill(sums.begin(), sums.end(), 0.0F);
    for (int64_t k = 0; k < size; ++k) {
      add_scaled(row + (k - half) * c, weights[static_cast<size_t>(k)],
                 sums.data(), stride);
    }
    uint8_t* to = out.pixels.data() + y * stride;
    for (int64_t i = 0; i < stride; ++i) {
      to[i] = rounded(sums[static_cast<size_t>(i)]);
    }
  }
  return out;
}

}  // namespace skipzoo
