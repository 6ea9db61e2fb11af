#include "models/kernels/algorithms/conv3x3.h"

#include "models/kernels/algorithms/choose.h"
#include "models/kernels/algorithms/raster.h"
#include "models/kernels/blocking/pixel_rows.h"
#include "models/kernels/choice.h"

namespace skipzoo {

namespace {

using rows::Acc;

template <typename T>
struct ForwardSlice {
  ForwardSlice(const ActivatedInput& input, const ImageSize& size, int64_t rows,
               int64_t columns)
      : raster(size.width, rows, input.channels),
        out(room_for(size.width, rows, columns)) {}
  Raster<T> raster;
  Scratch<Acc<T>> out;
};

template <typename T>
void forward(const ActivatedInput& input, const ImageSize& size,
             const PackedMatrices<T>& taps, const torch::Tensor& bias,
             const torch::Tensor& out) {
  const auto bands = bands_of(out.size(0), size,
                              input.channels * static_cast<int64_t>(sizeof(T)));
  Slices<ForwardSlice<T>> slices;
  const auto* b = bias.defined() ? bias.const_data_ptr<Acc<T>>() : nullptr;
  const int64_t stride = out.stride(0), columns = taps.columns();
  T* to = out.mutable_data_ptr<T>();
  slices.for_each_in_any_order(
      static_cast<int64_t>(bands.size()),
      [&] { return ForwardSlice<T>(input, size, most_rows(bands), columns); },
      [&](auto& own, int64_t i) {
        const Band& band = bands[static_cast<size_t>(i)];
        own.raster.load(band, size, Fill<T>{input, own.raster.channels()});
        convolve(own.raster, band, size.width, taps, input.channels,
                 own.out.data());
        for (int64_t y = 0; y < band.count; ++y) {
          const int64_t pixel = band.pixel + (band.first + y) * size.width;
          rows::write(own.out.data() + y * (size.width + 2) * columns, columns,
                      b, static_cast<const T*>(nullptr), /*relu=*/true,
                      size.width, out.size(1), to + pixel * stride, stride);
        }
      },
      out.size(0) * 9 * input.channels * columns);
}

/// What a slice of bands has to itself in the backward pass.
template <typename T>
struct BackwardSlice {
  BackwardSlice(const ActivatedInput& input, const ImageSize& size,
                int64_t rows, int64_t outputs, bool with_weight)
      : a(size.width, rows, input.channels),
        dy(size.width, rows, outputs),
        da(room_for(size.width, rows, a.channels())),
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
  Scratch<Acc<T>> da;
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
                static_cast<const T*>(nullptr), /*relu=*/false, width, channels,
                to, channels);
    rows::gradient_sums(to, x, m, scale, input.offset.const_data_ptr<Acc<T>>(),
                        width, channels, own.sums.sum(), own.sums.product());
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
  const auto of_type = weight.to(dy.scalar_type());
  const auto taps = backward_taps<T>(of_type);
  const auto bands = bands_of(dy.size(0), size,
                              input.channels * static_cast<int64_t>(sizeof(T)));
  Slices<BackwardSlice<T>> slices;
  const ActivatedInput past{dy, outputs, {}, {}};
  slices.for_each(
      static_cast<int64_t>(bands.size()),
      [&] {
        return BackwardSlice<T>(input, size, most_rows(bands), outputs,
                                with_weight);
      },
      [&](auto& own, int64_t i) {
        const Band& band = bands[static_cast<size_t>(i)];
        own.a.load(band, size, Fill<T>{input, own.a.channels()});
        own.dy.load(band, size, Fill<T>{past, own.dy.channels()});
        convolve(own.dy, band, size.width, taps, outputs, own.da.data());
        if (with_weight) own.add_weight(band, size.width);
        deliver(own, input, mean, band, size.width, target);
      });
  const auto& slice = *slices.locals().front();
  auto gradient =
      gathered(slices, {3, 3, slice.dy.channels(), slice.a.channels()});
  if (with_weight) {
    gradient.weight = gradient.weight.narrow(2, 0, outputs)
                          .narrow(3, 0, input.channels)
                          .permute({2, 3, 0, 1});
  }
  return gradient;
}

/// With the gradient of what is read going to rows.
template <typename T>
ConvolutionGradient backward_winograd(
    const ActivatedInput& input, const torch::Tensor& mean,
    const ImageSize& size, const torch::Tensor& dy, const torch::Tensor& weight,
    const torch::Tensor& rows, bool with_weight) {
  using A = Acc<T>;
  const int64_t channels = input.channels;
  const T* x = input.rows.const_data_ptr<T>();
  const T* g = rows.const_data_ptr<T>();
  ChannelSums sums(winograd_strips(dy.size(0), size), channels,
                   dy.scalar_type());
  const auto finish = [&](int64_t strip, int64_t pixel, int64_t count) {
    const auto [sum, product] = sums.of_block<A>(strip);
    rows::gradient_sums(
        g + pixel * channels, x + pixel * channels, mean.const_data_ptr<A>(),
        input.scale.const_data_ptr<A>(), input.offset.const_data_ptr<A>(),
        count, channels, sum, product);
  };
  winograd_convolution<T>({dy, dy.size(1), {}, {}}, size,
                          WinogradWeight<A>(weight, /*backward=*/true),
                          {.rows = rows, .finish = finish});
  const auto [sum, product] = sums.total();
  return {sum, product,
          with_weight ? winograd_weight_gradient(input, size, dy)
                      : torch::Tensor()};
}

ConvolutionWork work_of(const ActivatedInput& input, const ImageSize& size,
                        const torch::Tensor& weight, bool is_packed) {
  return {.images = input.rows.size(0) / (size.height * size.width),
          .size = size,
          .in = weight.size(1),
          .out = weight.size(0),
          .type = input.rows.scalar_type(),
          .packed = is_packed};
}

ConvolutionCall call_of(const ActivatedInput& input, const ImageSize& size,
                        const torch::Tensor& weight) {
  const int64_t images = input.rows.size(0) / (size.height * size.width);
  return {.weight = weight.const_data_ptr(),
          .images = {images, weight.size(1), size.height, size.width},
          .kernel = weight.sizes().vec(),
          .wants_input_gradient = true};
}

}  // namespace

Conv3x3Weight::Conv3x3Weight(torch::Tensor weight, bool is_reused)
    : weight_(std::move(weight)), is_reused_(is_reused) {}

template <typename T>
const PackedMatrices<T>& Conv3x3Weight::taps() {
  if (!taps_ || !std::holds_alternative<PackedMatrices<T>>(*taps_)) {
    taps_.emplace(taps_of<T>(weight_.to(c10::CppTypeToScalarType<T>::value)));
  }
  return std::get<PackedMatrices<T>>(*taps_);
}

template <typename A>
const WinogradWeight<A>& Conv3x3Weight::winograd() {
  if (!std::holds_alternative<WinogradWeight<A>>(winograd_)) {
    winograd_.emplace<WinogradWeight<A>>(weight_, /*backward=*/false);
  }
  return std::get<WinogradWeight<A>>(winograd_);
}
template const WinogradWeight<float>& Conv3x3Weight::winograd();
template const WinogradWeight<double>& Conv3x3Weight::winograd();

void conv3x3(const ActivatedInput& input, const ImageSize& size,
             Conv3x3Weight& weight, const torch::Tensor& bias,
             const torch::Tensor& out) {
  SKIPZOO_PROFILE("convolution3x3");
  Choosing choosing([&] { return call_of(input, size, weight.tensor()); });
  const bool is_winograd = choosing.takes(
      Algorithm::kWinograd, suits_winograd(work_of(input, size, weight.tensor(),
                                                   weight.is_reused())));
  if (!is_winograd) {
    choosing.takes(Algorithm::kDirect,
                   taken("reads and writes a block's features in place"));
  }
  SKIPZOO_DISPATCH(input.rows.scalar_type(), [&] {
    if (is_winograd) {
      winograd_convolution<scalar_t>(input, size,
                                     weight.winograd<rows::Acc<scalar_t>>(),
                                     {.rows = out, .bias = bias});
    } else {
      forward(input, size, weight.taps<scalar_t>(), bias, out);
    }
  });
}

ConvolutionGradient conv3x3_backward(
    const ActivatedInput& input, const torch::Tensor& mean,
    const ImageSize& size, const torch::Tensor& dy, const torch::Tensor& weight,
    const GradientTarget& target, bool with_weight) {
  SKIPZOO_PROFILE("convolution3x3_backward");
  ConvolutionGradient gradient;
  const auto winograd =
      target.rows.defined()
          ? suits_winograd(work_of(input, size, weight, /*is_packed=*/false))
          : declined("adds to the gradient of all features before it");
  tell_gradients(weight, winograd ? Algorithm::kWinograd : Algorithm::kDirect,
                 /*of_input=*/true, with_weight, winograd);
  SKIPZOO_DISPATCH(input.rows.scalar_type(), [&] {
    if (winograd) {
      gradient = backward_winograd<scalar_t>(input, mean, size, dy, weight,
                                             target.rows, with_weight);
    } else {
      gradient = backward<scalar_t>(input, mean, size, dy, weight, target,
                                    with_weight);
    }
  });
  return gradient;
}

}  // namespace skipzoo
