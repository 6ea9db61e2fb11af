#pragma once

#include "models/kernels/algorithms/conv3x3.h"

// What the 3x3 convolutions work on: bands of images with a border. For their
// files alone.

namespace skipzoo {

/// Some rows of one image: what is worked on at a time.
struct Band {
  int64_t pixel;         ///< Row, among all pixels, of the image's first.
  int64_t first, count;  ///< Rows of the image.
};

/// Bands few enough in bytes for L2, and enough for all cores.
inline std::vector<Band> bands_of(int64_t pixels, const ImageSize& size,
                                  int64_t bytes_of_pixel) {
  constexpr int64_t kBytes = 256 << 10;
  const int64_t images = pixels / (size.height * size.width);
  const int64_t bytes_of_row = (size.width + 2) * bytes_of_pixel;
  const int64_t share = (images * size.height + at::get_num_threads() - 1) /
                        at::get_num_threads();
  const int64_t count = std::max<int64_t>(
      std::min({kBytes / bytes_of_row, share, size.height}), 1);
  std::vector<Band> bands;
  for (int64_t n = 0; n < images; ++n) {
    for (int64_t y = 0; y < size.height; y += count) {
      bands.push_back(
          {n * size.height * size.width, y, std::min(count, size.height - y)});
    }
  }
  return bands;
}

inline int64_t most_rows(const std::vector<Band>& bands) {
  return bands.empty() ? 0 : bands.front().count;
}

/// A band with a halo of one pixel, zero where the image ends, and zeros behind
/// the channels. Pixels follow each other without a gap: those of an image of
/// width + 2, of which a convolution's tap is a shift.
template <typename T>
class Raster {
 public:
  Raster(int64_t width, int64_t rows, int64_t channels)
      : width_(width),
        channels_(gemm::padded(channels, gemm::kColumns)),
        // Behind the last pixel, as far as taps of a padded number of them go.
        size_(((rows + 2) * (width + 2) + 2 * gemm::kRows) * channels_),
        data_(size_) {
    std::fill_n(data_.data(), size_, T(0));
  }

  /// fill(pixel among all, width, to) writes a row of pixels. Those of images
  /// less wide stay zero behind them.
  template <typename Fill>
  void load(const Band& band, const ImageSize& size, const Fill& fill) {
    for (int64_t y = -1; y <= band.count; ++y) {
      T* to = at(y, 0);
      const int64_t row = band.first + y;
      if (row < 0 || row >= size.height) {
        std::fill_n(to, size.width * channels_, T(0));
      } else {
        fill(band.pixel + row * size.width, size.width, to);
      }
    }
  }

  int64_t channels() const { return channels_; }
  /// Pixel (y, x) of the band; -1 is above and left of it.
  T* at(int64_t y, int64_t x) {
    return data_.data() + ((y + 1) * (width_ + 2) + x + 1) * channels_;
  }

 private:
  int64_t width_, channels_, size_;
  Scratch<T> data_;
};

/// An input's pixels, activated where it says so.
template <typename T>
struct Fill {
  const ActivatedInput& input;
  int64_t to_channels;

  void operator()(int64_t pixel, int64_t count, T* to) const {
    const int64_t stride = input.rows.stride(0);
    const T* from = input.rows.const_data_ptr<T>() + pixel * stride;
    if (!input.scale.defined()) {
      rows::copy(from, stride, count, input.channels, to, to_channels);
      return;
    }
    rows::affine(from, stride, static_cast<const T*>(nullptr),
                 input.scale.const_data_ptr<rows::Acc<T>>(),
                 input.offset.const_data_ptr<rows::Acc<T>>(), /*relu=*/true,
                 count, input.channels, to, to_channels);
  }
};

/// The nine taps of a weight, (out, in, 3, 3) in either format, as right
/// operands: (in, out).
template <typename T>
PackedMatrices<T> taps_of(const torch::Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  return {weight.const_data_ptr<T>(),
          9,
          in,
          out,
          {weight.stride(3), weight.stride(1), weight.stride(0)}};
}
/// Those of the backward pass, last tap first: (out, in).
template <typename T>
PackedMatrices<T> backward_taps(const torch::Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const int64_t tap = weight.stride(3);
  return {weight.const_data_ptr<T>() + 8 * tap,
          9,
          out,
          in,
          {-tap, weight.stride(0), weight.stride(1)}};
}

/// to = Σ over taps of raster shifted by the tap · taps. depth: channels of the
/// raster that are not zero. first: of nine matrices.
template <typename T>
void convolve(Raster<T>& raster, const Band& band, int64_t width,
              const PackedMatrices<T>& taps, int64_t depth, rows::Acc<T>* to,
              int64_t first = 0) {
  using F = Format<T>;
  constexpr int64_t kBlock = 64;
  const int64_t pixels = gemm::padded(band.count * (width + 2), gemm::kRows);
  // Pixels beside each other are so in memory: without padding, three taps are
  // one of thrice the depth.
  const int64_t joined = depth == raster.channels() ? 3 : 1;
  for (int64_t p = 0; p < pixels; p += kBlock) {
    for (int64_t tap = 0; tap < 9; tap += joined) {
      const T* from =
          raster.at(tap / 3 - 1, tap % 3 - 1) + p * raster.channels();
      gemm::multiply(F::left(from, raster.channels()), taps.at(first + tap),
                     std::min(kBlock, pixels - p), taps.columns(),
                     (joined * depth + F::kPair - 1) / F::kPair,
                     to + p * taps.columns(), /*add=*/tap > 0);
    }
  }
}

/// Size of what convolve() writes.
inline int64_t room_for(int64_t width, int64_t rows, int64_t columns) {
  return gemm::padded(rows * (width + 2), gemm::kRows) * columns;
}

}  // namespace skipzoo
