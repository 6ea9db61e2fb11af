#include "tools/data/augment/affine.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "tools/data/augment/nearest.h"

namespace skipzoo {

namespace {

/// Python's round(value, 15), with which PIL makes a quarter's cosine zero.
double to_15_places(double value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof(text), value,
                                 std::chars_format::fixed, 15)
                       .ptr;
  double out = 0;
  std::from_chars(text, end, out);
  return out;
}

void fill_with(Image& image, const Fill& fill) {
  if (image.channels == 1 || (fill[0] == fill[1] && fill[1] == fill[2])) {
    std::fill(image.pixels.begin(), image.pixels.end(), fill[0]);
    return;
  }
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = fill[i % 3];
  }
}

/// Each pixel to the place that is as far from the other end.
void turn_half(Image& image) {
  std::reverse(image.pixels.begin(), image.pixels.end());
  if (image.channels == 1) return;
  for (size_t i = 0; i + 2 < image.pixels.size(); i += 3) {
    std::swap(image.pixels[i], image.pixels[i + 2]);
  }
}

/// Of a square, counter-clockwise.
Image turned_quarter(const Image& image) {
  Image out(image.channels, image.width, image.height);
  const auto c = static_cast<size_t>(image.channels);
  const auto size = static_cast<size_t>(image.width);
  for (size_t y = 0; y < size; ++y) {
    for (size_t x = 0; x < size; ++x) {
      const uint8_t* from = &image.pixels[(x * size + size - 1 - y) * c];
      std::copy(from, from + c, &out.pixels[(y * size + x) * c]);
    }
  }
  return out;
}

/// Moves by whole pixels alone, between which there is nothing to be found.
bool is_shift(const AffineMatrix& m) {
  return m[0] == 1 && m[1] == 0 && m[3] == 0 && m[4] == 1 &&
         m[2] == std::floor(m[2]) && m[5] == std::floor(m[5]);
}

}  // namespace

Image transform(Image image, const AffineMatrix& matrix, Resampling resampling,
                const Fill& fill) {
  // Pixels of the last picture, for those of the next: fresh memory of this
  // size costs more than the arithmetic.
  thread_local std::vector<uint8_t> spare;
  Image out;
  out.channels = image.channels;
  out.height = image.height;
  out.width = image.width;
  out.pixels = std::move(spare);
  out.pixels.resize(image.pixels.size());
  fill_with(out, fill);
  if (resampling == Resampling::kNearest || is_shift(matrix)) {
    transform_nearest(image, matrix, out);
  } else {
    transform_between(image, matrix, resampling, out);
  }
  spare = std::move(image.pixels);
  return out;
}

Image rotate(Image image, double degrees, Resampling resampling,
             const Fill& fill) {
  double angle = std::fmod(degrees, 360.0);
  if (angle < 0) angle += 360;
  const bool is_square = image.height == image.width;
  if (angle == 0) return image;
  if (angle == 180 || (angle == 270 && is_square)) turn_half(image);
  if (angle == 180) return image;
  if (is_square && (angle == 90 || angle == 270)) return turned_quarter(image);

  const double radians = -angle * (std::numbers::pi / 180.0);
  const double cosine = to_15_places(std::cos(radians));
  const double sine = to_15_places(std::sin(radians));
  const double x = static_cast<double>(image.width) / 2;
  const double y = static_cast<double>(image.height) / 2;
  const AffineMatrix matrix = {
      cosine, sine,   cosine * -x + sine * -y + 0.0 + x,
      -sine,  cosine, -sine * -x + cosine * -y + 0.0 + y};
  return transform(std::move(image), matrix, resampling, fill);
}

void flip_vertically(Image& image) {
  const int64_t stride = image.channels * image.width;
  for (int64_t y = 0; y < image.height / 2; ++y) {
    uint8_t* row = image.pixels.data() + y * stride;
    std::swap_ranges(row, row + stride,
                     image.pixels.data() + (image.height - 1 - y) * stride);
  }
}

}  // namespace skipzoo
