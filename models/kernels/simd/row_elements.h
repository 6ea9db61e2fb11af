#pragma once

#include "models/kernels/simd/rows.h"

// What the loops of rows.h do to one element, or to as many side by side as
// `lanes` holds. For the files that have such lanes.

#define SKIPZOO_INLINE inline __attribute__((always_inline))

namespace skipzoo::rows {

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
  SKIPZOO_INLINE auto operator()(Lanes lanes, int64_t row, int64_t c) const {
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
  SKIPZOO_INLINE void operator()(Lanes lanes, int64_t row, int64_t c) const {
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
  SKIPZOO_INLINE auto operator()(Lanes lanes, int64_t row, int64_t c) const {
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
  SKIPZOO_INLINE auto operator()(Lanes lanes, int64_t row, int64_t c) const {
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
  SKIPZOO_INLINE void operator()(Lanes lanes, int64_t row, int64_t c) const {
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
  SKIPZOO_INLINE auto operator()(Lanes lanes, int64_t row, int64_t c) const {
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
  SKIPZOO_INLINE void operator()(Lanes lanes, int64_t row, int64_t c) const {
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
  SKIPZOO_INLINE void operator()(Lanes lanes, int64_t row, int64_t c) const {
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
  SKIPZOO_INLINE void operator()(Lanes lanes, int64_t row, int64_t c) const {
    auto v = lanes.load(x + row * x_stride + c);
    if constexpr (kBias) v += lanes.load(bias + c);
    if constexpr (kResidual) v += lanes.load(residual + row * y_stride + c);
    if constexpr (kBias) v = lanes.at_least(v, floor);
    lanes.store(v, y + row * y_stride + c);
  }
};

template <typename T>
struct Largest {
  std::array<const T*, 9> x;
  int64_t stride;
  int64_t channels;
  T* y;

  template <typename Lanes>
  SKIPZOO_INLINE void operator()(Lanes lanes, int64_t row, int64_t c) const {
    const int64_t at = row * stride + c;
    auto most = lanes.load(x[0] + at);
    for (size_t k = 1; k < x.size(); ++k) {
      most = lanes.larger(most, lanes.load(x[k] + at));
    }
    lanes.store(most, y + row * channels + c);
  }
};

template <typename T, size_t kPixels>
struct Mean {
  std::array<const T*, kPixels> x;
  int64_t stride;
  T* y;
  int64_t y_stride;

  template <typename Lanes>
  SKIPZOO_INLINE void operator()(Lanes lanes, int64_t row, int64_t c) const {
    const int64_t at = row * stride + c;
    auto total = lanes.load(x[0] + at);
    for (size_t k = 1; k < x.size(); ++k) total += lanes.load(x[k] + at);
    constexpr Acc<T> kShare = Acc<T>(1) / kPixels;
    lanes.store(total * kShare, y + row * y_stride + c);
  }
};

/// Calls EACH(element) or SUM(element) for every one of a type of data.
#define SKIPZOO_ELEMENTS(T, EACH, SUM) \
  SUM(Shifted<T>)                      \
  EACH(Affine<T, false>)               \
  EACH(Affine<T, true>)                \
  SUM(GradientTerms<T>)                \
  SUM(ResidualGradient<T>)             \
  EACH(InputGradient<T, false>)        \
  EACH(InputGradient<T, true>)         \
  SUM(AddedGradient<T>)                \
  EACH(FinishedGradient<T>)            \
  EACH(Copy<T>)                        \
  EACH(Largest<T>)                     \
  EACH(Mean<T, 2>)                     \
  EACH(Mean<T, 4>)                     \
  EACH(Write<T, false, false>)         \
  EACH(Write<T, true, false>)          \
  EACH(Write<T, true, true>)

}  // namespace skipzoo::rows
