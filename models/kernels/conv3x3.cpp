#include "models/kernels/conv3x3.h"

#include "models/kernels/pixel_rows.h"

namespace skipzoo {

namespace {

using gemm::padded;
using rows::Acc;

/// Some rows of one image: what is worked on at a time.
struct Band {
  int64_t pixel;         ///< Row, among all pixels, of the image's first.
  int64_t first, count;  ///< Rows of the image.
};

/// Bands few enough in bytes for a core's own cache, and enough for all cores.
std::vector<Band> bands_of(int64_t pixels, const ImageSize& size,
                           int64_t bytes_of_pixel) {
  constexpr int64_t kBytes = 256 << 10;
  const int64_t images = pixels / (size.height * size.width);
  const int64_t of_row = (size.width + 2) * bytes_of_pixel;
  const int64_t share = (images * size.height + at::get_num_threads() - 1) /
                        at::get_num_threads();
  const int64_t count =
      std::max<int64_t>(std::min({kBytes / of_row, share, size.height}), 1);
  std::vector<Band> bands;
  for (int64_t n = 0; n < images; ++n) {
    for (int64_t y = 0; y < size.height; y += count) {
      bands.push_back(
          {n * size.height * size.width, y, std::min(count, size.height - y)});
    }
  }
  return bands;
}

int64_t most_rows(const std::vector<Band>& bands) {
  return bands.empty() ? 0 : bands.front().count;
}

/// A band with a pixel around it, zero where the image ends, and zeros behind
/// the channels. Pixels follow each other without a gap: those of an image of
/// width + 2, of which a convolution's tap is a shift.
template <typename T>
class Raster {
 public:
  Raster(int64_t width, int64_t rows, int64_t channels)
      : width_(width),
        channels_(padded(channels, gemm::kColumns)),
        // Behind the last pixel, as far as taps of a padded number of them go.
        data_(static_cast<size_t>(((rows + 2) * (width + 2) + 2 * gemm::kRows) *
                                  channels_)) {}

  /// fill(pixel among all, width, to) writes a row of pixels.
  template <typename Fill>
  void load(const Band& band, const ImageSize& size, const Fill& fill) {
    for (int64_t y = -1; y <= band.count; ++y) {
      T* to = at(y, 0);
      const int64_t row = band.first + y;
      if (row < 0 || row >= size.height) {
        std::fill_n(to, width_ * channels_, T(0));
      } else {
        fill(band.pixel + row * width_, width_, to);
      }
    }
  }

  int64_t channels() const { return channels_; }
  /// Pixel (y, x) of the band; -1 is above and left of it.
  T* at(int64_t y, int64_t x) {
    return data_.data() + ((y + 1) * (width_ + 2) + x + 1) * channels_;
  }

 private:
  int64_t width_, channels_;
  std::vector<T> data_;
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
    rows::affine_relu(from, stride, static_cast<const T*>(nullptr),
                      input.scale.const_data_ptr<Acc<T>>(),
                      input.offset.const_data_ptr<Acc<T>>(), count,
                      input.channels, to, to_channels);
  }
};

/// The nine taps of a weight, (9, rows, columns) with padding, as right
/// matrices.
template <typename T>
class Taps {
 public:
  /// taps: (9, rows, columns).
  explicit Taps(const torch::Tensor& taps)
      : depth_(padded(taps.size(1), gemm::kColumns)),
        columns_(padded(taps.size(2), gemm::kColumns)),
        wide_(torch::zeros({9, depth_, columns_}, taps.options())) {
    wide_.narrow(1, 0, taps.size(1)).narrow(2, 0, taps.size(2)).copy_(taps);
    data_ = Format<T>::right(wide_.template const_data_ptr<T>(), 9 * depth_,
                             columns_, scratch_);
  }
  const auto* at(int64_t tap) const {
    return data_ + tap * depth_ / Format<T>::kPair * columns_;
  }
  int64_t columns() const { return columns_; }

 private:
  int64_t depth_, columns_;
  torch::Tensor wide_;
  std::vector<typename Format<T>::Element> scratch_;
  const typename Format<T>::Element* data_;
};

/// to = Σ over taps of raster shifted by the tap · taps; `mirrored` for the way
/// back. depth: channels of the raster that are not zero.
template <typename T>
void convolve(Raster<T>& raster, const Band& band, int64_t width,
              const Taps<T>& taps, int64_t depth, bool mirrored, Acc<T>* to) {
  using F = Format<T>;
  constexpr int64_t kBlock = 64;
  const int64_t pixels = padded(band.count * (width + 2), gemm::kRows);
  for (int64_t p = 0; p < pixels; p += kBlock) {
    for (int64_t tap = 0; tap < 9; ++tap) {
      const int64_t shift = mirrored ? 8 - tap : tap;
      const T* from =
          raster.at(shift / 3 - 1, shift % 3 - 1) + p * raster.channels();
      gemm::multiply(F::left(from, raster.channels()), taps.at(tap),
                     std::min(kBlock, pixels - p), taps.columns(),
                     (depth + F::kPair - 1) / F::kPair, to + p * taps.columns(),
                     /*add=*/tap > 0);
    }
  }
}

/// Room for what convolve() writes.
template <typename A>
std::vector<A> room_for(int64_t width, int64_t rows, int64_t columns) {
  return std::vector<A>(
      static_cast<size_t>(padded(rows * (width + 2), gemm::kRows) * columns));
}

template <typename T>
struct ForwardSlice {
  ForwardSlice(const ActivatedInput& input, const ImageSize& size, int64_t rows,
               int64_t columns)
      : raster(size.width, rows, input.channels),
        out(room_for<Acc<T>>(size.width, rows, columns)) {}
  Raster<T> raster;
  std::vector<Acc<T>> out;
};

template <typename T>
void forward(const ActivatedInput& input, const ImageSize& size,
             const torch::Tensor& weight, const torch::Tensor& bias,
             const torch::Tensor& out) {
  const Taps<T> taps(weight.permute({2, 3, 1, 0}).flatten(0, 1));
  const auto bands = bands_of(out.size(0), size,
                              input.channels * static_cast<int64_t>(sizeof(T)));
  auto slices = make_slices<ForwardSlice<T>>(input, size, most_rows(bands),
                                             taps.columns());
  const auto* b = bias.defined() ? bias.const_data_ptr<Acc<T>>() : nullptr;
  const int64_t stride = out.stride(0), columns = taps.columns();
  T* to = out.mutable_data_ptr<T>();
  for_each_in_slices(
      static_cast<int64_t>(bands.size()), [&](size_t s, int64_t i) {
        const Band& band = bands[static_cast<size_t>(i)];
        auto& own = slices[s];
        own.raster.load(band, size, Fill<T>{input, own.raster.channels()});
        convolve(own.raster, band, size.width, taps, input.channels,
                 /*mirrored=*/false, own.out.data());
        for (int64_t y = 0; y < band.count; ++y) {
          const int64_t pixel = band.pixel + (band.first + y) * size.width;
          rows::write(own.out.data() + y * (size.width + 2) * columns, columns,
                      b, size.width, out.size(1), to + pixel * stride, stride);
        }
      });
}

/// What a slice of bands has to itself on the way back.
template <typename T>
struct BackwardSlice {
  BackwardSlice(const ActivatedInput& input, const ImageSize& size,
                int64_t rows, int64_t outputs, bool with_weight)
      : a(size.width, rows, input.channels),
        dy(size.width, rows, outputs),
        da(room_for<Acc<T>>(size.width, rows, a.channels())),
        weight(with_weight
                   ? static_cast<size_t>(9 * dy.channels() * a.channels())
                   : 0),
        sums(input.channels) {}

  /// The gradient of the weight, (9, out channels, channels) with padding.
  void add_weight(const Band& band, int64_t width) {
    using F = Format<T>;
    const int64_t pixels = (band.count - 1) * (width + 2) + width;
    const int64_t all = (band.count + 2) * (width + 2);
    const auto* g = F::right(dy.at(0, 0), pixels, dy.channels(), left);
    // A pair of pixels begins at an even one or, for every other tap, at an
    // odd.
    const auto* even = F::right(a.at(-1, -1), all, a.channels(), right[0]);
    const auto* odd = F::right(a.at(-1, 0), all, a.channels(), right[1]);
    for (int64_t tap = 0; tap < 9; ++tap) {
      const int64_t shift = tap / 3 * (width + 2) + tap % 3;
      const auto* from = F::kPair == 1 || shift % 2 == 0 ? even : odd;
      gemm::multiply(F::transposed(g, dy.channels()),
                     from + shift / F::kPair * a.channels(), dy.channels(),
                     a.channels(), (pixels + F::kPair - 1) / F::kPair,
                     weight.data() + tap * dy.channels() * a.channels(),
                     /*add=*/true);
    }
  }

  Raster<T> a, dy;
  std::vector<Acc<T>> da;
  std::vector<Acc<T>> weight;
  SliceSums<Acc<T>> sums;
  std::vector<typename Format<T>::Element> left, right[2];
};

/// Takes a band's gradient of the activated to where it is wanted.
template <typename T>
void deliver(BackwardSlice<T>& own, const ActivatedInput& input,
             const torch::Tensor& mean, const Band& band, int64_t width,
             const GradientTarget& target) {
  const int64_t stride = input.rows.stride(0), channels = input.channels;
  const auto* m = mean.const_data_ptr<Acc<T>>();
  const auto* scale = input.scale.const_data_ptr<Acc<T>>();
  for (int64_t y = 0; y < band.count; ++y) {
    const int64_t pixel = band.pixel + (band.first + y) * width;
    const auto* da = own.da.data() + y * (width + 2) * own.a.channels();
    const T* x = input.rows.const_data_ptr<T>() + pixel * stride;
    if (target.total.defined()) {
      rows::add_gradient(
          da, own.a.at(y, 0), own.a.channels(), x, stride, m, scale, width,
          channels, target.total.mutable_data_ptr<Acc<T>>() + pixel * stride,
          own.sums.sum(), own.sums.product());
      continue;
    }
    T* to = target.rows.mutable_data_ptr<T>() + pixel * channels;
    rows::write(da, own.a.channels(), static_cast<const Acc<T>*>(nullptr),
                width, channels, to, channels);
    rows::gradient_sums(to, static_cast<const T*>(nullptr), x, m, scale,
                        input.offset.const_data_ptr<Acc<T>>(), width, channels,
                        own.sums.sum(), own.sums.product());
  }
  own.sums.finish_block();
}

template <typename T>
ConvolutionGradient backward(const ActivatedInput& input,
                             const torch::Tensor& mean, const ImageSize& size,
                             const torch::Tensor& dy,
                             const torch::Tensor& weight,
                             const GradientTarget& target, bool with_weight) {
  const int64_t outputs = dy.size(1);
  const Taps<T> taps(weight.permute({2, 3, 0, 1}).flatten(0, 1));
  const auto bands = bands_of(dy.size(0), size,
                              input.channels * static_cast<int64_t>(sizeof(T)));
  auto slices = make_slices<BackwardSlice<T>>(input, size, most_rows(bands),
                                              outputs, with_weight);
  const ActivatedInput gradient{dy, outputs, {}, {}};
  for_each_in_slices(
      static_cast<int64_t>(bands.size()), [&](size_t s, int64_t i) {
        const Band& band = bands[static_cast<size_t>(i)];
        auto& own = slices[s];
        own.a.load(band, size, Fill<T>{input, own.a.channels()});
        own.dy.load(band, size, Fill<T>{gradient, own.dy.channels()});
        convolve(own.dy, band, size.width, taps, outputs, /*mirrored=*/true,
                 own.da.data());
        if (with_weight) own.add_weight(band, size.width);
        deliver(own, input, mean, band, size.width, target);
      });
  torch::Tensor sums, total;
  for (const auto& slice : slices) {
    const auto own = slice.sums.total();
    sums = sums.defined() ? sums + own : own;
    if (slice.weight.empty()) continue;
    const auto more =
        torch::from_blob(const_cast<Acc<T>*>(slice.weight.data()),
                         {3, 3, slice.dy.channels(), slice.a.channels()},
                         c10::CppTypeToScalarType<Acc<T>>::value);
    total = total.defined() ? total + more : more.clone();
  }
  if (total.defined()) {
    total = total.narrow(2, 0, outputs)
                .narrow(3, 0, input.channels)
                .permute({2, 3, 0, 1});
  }
  return {sums[0], sums[1], total};
}

}  // namespace

void conv3x3(const ActivatedInput& input, const ImageSize& size,
             const torch::Tensor& weight, const torch::Tensor& bias,
             const torch::Tensor& out) {
  SKIPZOO_PROFILE("convolution3x3");
  SKIPZOO_DISPATCH(input.rows.scalar_type(),
                   [&] { forward<scalar_t>(input, size, weight, bias, out); });
}

ConvolutionGradient conv3x3_back(const ActivatedInput& input,
                                 const torch::Tensor& mean,
                                 const ImageSize& size, const torch::Tensor& dy,
                                 const torch::Tensor& weight,
                                 const GradientTarget& target,
                                 bool with_weight) {
  SKIPZOO_PROFILE("convolution3x3_backward");
  ConvolutionGradient gradient;
  SKIPZOO_DISPATCH(input.rows.scalar_type(), [&] {
    gradient =
        backward<scalar_t>(input, mean, size, dy, weight, target, with_weight);
  });
  return gradient;
}

}  // namespace skipzoo
