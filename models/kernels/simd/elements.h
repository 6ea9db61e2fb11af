#pragma once

#include <cstdint>

// What the loops of loops.h do to one element, or to as many side by side as
// `lanes` holds. Compiled for each instruction set (loops_*.cpp), so nothing is
// included whose inline functions other files share.

namespace skipzoo::rows {

/// bfloat16 by its bits, the upper half of a float.
using Bf16 = uint16_t;

/// The accumulation type: what sums and per-channel numbers are held in.
template <typename T>
struct AccumulatorOf {
  using Type = float;
};
template <>
struct AccumulatorOf<double> {
  using Type = double;
};
template <typename T>
using Acc = typename AccumulatorOf<T>::Type;

/// What an element adds to the two sums of its channel.
template <typename Value>
struct Terms {
  Value first, second;
};

template <typename T>
struct Shifted {
  using Sum = Acc<T>;
  const T* x;
  int64_t stride;
  const Acc<T>* shift;

  template <typename Lanes>
  [[gnu::always_inline]] auto operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    const auto d = lanes.load(x, stride, row, c) - lanes.load(shift + c);
    return Terms<decltype(d + d)>{d, d * d};
  }
};

/// floor: 0 is a ReLU, minus infinity none: a template for it would be as much
/// code again, and no faster.
template <typename T, bool kResidual>
struct Affine {
  const T* x;
  int64_t x_stride;
  const T* residual;
  const Acc<T>* scale;
  const Acc<T>* offset;
  Acc<T> floor;
  int64_t channels;
  T* y;
  int64_t y_stride;

  template <typename Lanes>
  [[gnu::always_inline]] void operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    auto v = lanes.load(x, x_stride, row, c) * lanes.load(scale + c) +
             lanes.load(offset + c);
    if constexpr (kResidual) v += lanes.load(residual, channels, row, c);
    lanes.store(lanes.at_least(v, floor), y + row * y_stride + c);
  }
};

/// The backward pass of a ReLU of x * scale + bias.
template <typename T>
struct GradientTerms {
  using Sum = Acc<T>;
  const T* dy;
  const T* x;
  const Acc<T>* mean;
  const Acc<T>* scale;
  const Acc<T>* bias;
  int64_t channels;

  template <typename Lanes>
  [[gnu::always_inline]] auto operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    const auto at = lanes.load(x, channels, row, c);
    const auto g =
        lanes.where_positive(at * lanes.load(scale + c) + lanes.load(bias + c),
                             lanes.load(dy, channels, row, c));
    return Terms<decltype(g + g)>{g, g * (at - lanes.load(mean + c))};
  }
};

/// The backward pass of a ReLU whose output was y; its gradient is written to
/// `residual`.
template <typename T>
struct ResidualGradient {
  using Sum = Acc<T>;
  const T* dy;
  const T* y;
  const T* x;
  const Acc<T>* mean;
  int64_t channels;
  T* residual;

  template <typename Lanes>
  [[gnu::always_inline]] auto operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    const auto g = lanes.where_positive(lanes.load(y, channels, row, c),
                                        lanes.load(dy, channels, row, c));
    lanes.store(g, residual + row * channels + c);
    const auto centred = lanes.load(x, channels, row, c) - lanes.load(mean + c);
    return Terms<decltype(g + g)>{g, g * centred};
  }
};

template <typename T, bool kRelu>
struct InputGradient {
  const T* dy;
  const T* x;
  const Acc<T>* mean;
  const Acc<T>* scale;
  const Acc<T>* bias;
  const Acc<T>* slope;
  const Acc<T>* offset;
  int64_t channels;
  T* dx;

  template <typename Lanes>
  [[gnu::always_inline]] void operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    const auto at = lanes.load(x, channels, row, c);
    const auto through = lanes.load(scale + c);
    auto g = lanes.load(dy, channels, row, c);
    if constexpr (kRelu) {
      g = lanes.where_positive(at * through + lanes.load(bias + c), g);
    }
    lanes.store(through * g +
                    lanes.load(slope + c) * (at - lanes.load(mean + c)) +
                    lanes.load(offset + c),
                dx + row * channels + c);
  }
};

template <typename T>
struct AddedGradient {
  using Sum = Acc<T>;
  const Acc<T>* dy;
  const T* y;
  int64_t dy_stride;
  const T* x;
  int64_t x_stride;
  const Acc<T>* mean;
  const Acc<T>* scale;
  Acc<T>* total;

  template <typename Lanes>
  [[gnu::always_inline]] auto operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    const auto g = lanes.where_positive(lanes.load(y + row * dy_stride + c),
                                        lanes.load(dy + row * dy_stride + c));
    lanes.store(lanes.load(total, x_stride, row, c) + lanes.load(scale + c) * g,
                total + row * x_stride + c);
    const auto x_ = lanes.load(x, x_stride, row, c);
    return Terms<decltype(g + g)>{g, g * (x_ - lanes.load(mean + c))};
  }
};

template <typename T>
struct FinishedGradient {
  const Acc<T>* total;
  const T* x;
  int64_t stride;
  const Acc<T>* mean;
  const Acc<T>* slope;
  const Acc<T>* offset;
  int64_t channels;
  T* dx;

  template <typename Lanes>
  [[gnu::always_inline]] void operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    const auto centred = lanes.load(x, stride, row, c) - lanes.load(mean + c);
    lanes.store(lanes.load(total, stride, row, c) +
                    lanes.load(slope + c) * centred + lanes.load(offset + c),
                dx + row * channels + c);
  }
};

template <typename T>
struct Copy {
  const T* x;
  int64_t x_stride;
  T* y;
  int64_t y_stride;

  template <typename Lanes>
  [[gnu::always_inline]] void operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    lanes.copy(x, x_stride, row, c, y + row * y_stride + c);
  }
};

template <typename T, bool kBias, bool kResidual>
struct Write {
  const Acc<T>* x;
  int64_t x_stride;
  const Acc<T>* bias;
  const T* residual;
  Acc<T> floor;
  T* y;
  int64_t y_stride;

  template <typename Lanes>
  [[gnu::always_inline]] void operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    auto v = lanes.load(x + row * x_stride + c);
    if constexpr (kBias) v += lanes.load(bias + c);
    if constexpr (kResidual) v += lanes.load(residual + row * y_stride + c);
    if constexpr (kBias) v = lanes.at_least(v, floor);
    lanes.store(v, y + row * y_stride + c);
  }
};

template <typename T>
struct Largest {
  static constexpr int kPixels = 9;
  const T* x[kPixels];
  int64_t stride;
  int64_t channels;
  T* y;

  template <typename Lanes>
  [[gnu::always_inline]] void operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    const int64_t at = row * stride + c;
    auto most = lanes.load(x[0] + at);
    for (int k = 1; k < kPixels; ++k) {
      most = lanes.larger(most, lanes.load(x[k] + at));
    }
    lanes.store(most, y + row * channels + c);
  }
};

template <typename T, int kPixels>
struct Mean {
  const T* x[kPixels];
  int64_t stride;
  T* y;
  int64_t y_stride;

  template <typename Lanes>
  [[gnu::always_inline]] void operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    const int64_t at = row * stride + c;
    auto total = lanes.load(x[0] + at);
    for (int k = 1; k < kPixels; ++k) total += lanes.load(x[k] + at);
    constexpr Acc<T> kShare = Acc<T>(1) / kPixels;
    lanes.store(total * kShare, y + row * y_stride + c);
  }
};

/// Elements, as a list of types.
template <typename... Element>
struct Elements {};

/// Those whose result is written row by row.
template <typename T>
using EachElements =
    Elements<Affine<T, false>, Affine<T, true>, InputGradient<T, false>,
             InputGradient<T, true>, FinishedGradient<T>, Copy<T>, Largest<T>,
             Mean<T, 2>, Mean<T, 4>, Write<T, false, false>,
             Write<T, true, false>, Write<T, true, true>>;
/// Those that give two sums for each channel.
template <typename T>
using SumElements = Elements<Shifted<T>, GradientTerms<T>, ResidualGradient<T>,
                             AddedGradient<T>>;

}  // namespace skipzoo::rows
