#pragma once

#include <c10/util/BFloat16.h>

#include <array>
#include <cstdint>
#include <limits>

#include "models/kernels/simd/loops.h"

// Loops over channels-last data: `count` rows, one a pixel, of `channels` each,
// one row `stride` elements after the other, by the processor's instruction set
// (loops.h).

namespace skipzoo::rows {

/// What elements.h calls a type of data.
template <typename T>
struct StoredAs {
  using Type = T;
};
template <>
struct StoredAs<c10::BFloat16> {
  using Type = Bf16;
};
template <typename T>
using Stored = typename StoredAs<T>::Type;

inline const float* stored(const float* x) { return x; }
inline float* stored(float* x) { return x; }
inline const double* stored(const double* x) { return x; }
inline double* stored(double* x) { return x; }
// Its only member, which may be reached so.
inline const Bf16* stored(const c10::BFloat16* x) {
  return reinterpret_cast<const Bf16*>(x);
}
inline Bf16* stored(c10::BFloat16* x) { return reinterpret_cast<Bf16*>(x); }

/// The loop over an element, of the table.
template <typename Element>
void each(const Element& element, int64_t count, int64_t channels) {
  static_cast<const simd::Each<Element>&>(simd::loops())
      .each(element, count, channels);
}
template <typename Element>
void sum(const Element& element, int64_t count, int64_t channels,
         typename Element::Sum* first, typename Element::Sum* second) {
  static_cast<const simd::Sum<Element>&>(simd::loops())
      .sum(element, count, channels, first, second);
}

/// What a ReLU, or none, lets through at the least.
template <typename A>
A floor_of(bool relu) {
  return relu ? A(0) : -std::numeric_limits<A>::infinity();
}

// T is float, double or bfloat16. Where no stride is named, rows follow each
// other without a gap.

/// sum += Σ (x - shift), squares += Σ (x - shift)², over the rows.
template <typename T>
void sums(const T* x, int64_t stride, const Acc<T>* shift, int64_t count,
          int64_t channels, Acc<T>* sum_, Acc<T>* squares) {
  sum(Shifted<Stored<T>>{stored(x), stride, shift}, count, channels, sum_,
      squares);
}

/// y = x * scale + offset + residual, and with a ReLU no less than 0; residual
/// may be null.
template <typename T>
void affine(const T* x, int64_t x_stride, const T* residual,
            const Acc<T>* scale, const Acc<T>* offset, bool relu, int64_t count,
            int64_t channels, T* y, int64_t y_stride) {
  const auto run = [&]<bool kResidual>() {
    each(Affine<Stored<T>, kResidual>{stored(x), x_stride, stored(residual),
                                      scale, offset, floor_of<Acc<T>>(relu),
                                      channels, stored(y), y_stride},
         count, channels);
  };
  residual == nullptr ? run.template operator()<false>()
                      : run.template operator()<true>();
}

/// With g = dy where x * scale + bias > 0, else 0: sum += Σ g, product +=
/// Σ g (x - mean), over the rows.
template <typename T>
void gradient_sums(const T* dy, const T* x, const Acc<T>* mean,
                   const Acc<T>* scale, const Acc<T>* bias, int64_t count,
                   int64_t channels, Acc<T>* sum_, Acc<T>* product) {
  sum(GradientTerms<Stored<T>>{stored(dy), stored(x), mean, scale, bias,
                               channels},
      count, channels, sum_, product);
}

/// residual = g, with g = dy where y > 0, else 0, and the sums of
/// gradient_sums.
template <typename T>
void residual_gradient(const T* dy, const T* y, const T* x, const Acc<T>* mean,
                       int64_t count, int64_t channels, T* residual,
                       Acc<T>* sum_, Acc<T>* product) {
  sum(ResidualGradient<Stored<T>>{stored(dy), stored(y), stored(x), mean,
                                  channels, stored(residual)},
      count, channels, sum_, product);
}

/// dx = scale * g + slope * (x - mean) + offset; g as in gradient_sums, or dy
/// itself where bias is null. dx may be dy.
template <typename T>
void input_gradient(const T* dy, const T* x, const Acc<T>* mean,
                    const Acc<T>* scale, const Acc<T>* bias,
                    const Acc<T>* slope, const Acc<T>* offset, int64_t count,
                    int64_t channels, T* dx) {
  const auto run = [&]<bool kRelu>() {
    each(InputGradient<Stored<T>, kRelu>{stored(dy), stored(x), mean, scale,
                                         bias, slope, offset, channels,
                                         stored(dx)},
         count, channels);
  };
  bias == nullptr ? run.template operator()<false>()
                  : run.template operator()<true>();
}

/// total += scale * g, and the sums of gradient_sums; g as in
/// residual_gradient. dy_stride is y's too, x_stride total's.
template <typename T>
void add_gradient(const Acc<T>* dy, const T* y, int64_t dy_stride, const T* x,
                  int64_t x_stride, const Acc<T>* mean, const Acc<T>* scale,
                  int64_t count, int64_t channels, Acc<T>* total, Acc<T>* sum_,
                  Acc<T>* product) {
  sum(AddedGradient<Stored<T>>{dy, stored(y), dy_stride, stored(x), x_stride,
                               mean, scale, total},
      count, channels, sum_, product);
}

/// dx = total + slope * (x - mean) + offset. stride: of x and total.
template <typename T>
void finish_gradient(const Acc<T>* total, const T* x, int64_t stride,
                     const Acc<T>* mean, const Acc<T>* slope,
                     const Acc<T>* offset, int64_t count, int64_t channels,
                     T* dx) {
  each(FinishedGradient<Stored<T>>{total, stored(x), stride, mean, slope,
                                   offset, channels, stored(dx)},
       count, channels);
}

/// y = x.
template <typename T>
void copy(const T* x, int64_t x_stride, int64_t count, int64_t channels, T* y,
          int64_t y_stride) {
  each(Copy<Stored<T>>{stored(x), x_stride, stored(y), y_stride}, count,
       channels);
}

/// y = x, or y = x + bias where bias is not null, or y = x + bias + residual
/// where residual is not either; with a bias and a ReLU, no less than 0.
/// residual may be y; y_stride is of both.
template <typename T>
void write(const Acc<T>* x, int64_t x_stride, const Acc<T>* bias,
           const T* residual, bool relu, int64_t count, int64_t channels, T* y,
           int64_t y_stride) {
  const auto run = [&]<bool kBias, bool kResidual>() {
    each(Write<Stored<T>, kBias, kResidual>{x, x_stride, bias, stored(residual),
                                            floor_of<Acc<T>>(relu), stored(y),
                                            y_stride},
         count, channels);
  };
  if (bias == nullptr) {
    run.template operator()<false, false>();
  } else if (residual == nullptr) {
    run.template operator()<true, false>();
  } else {
    run.template operator()<true, true>();
  }
}

/// y = the largest of the nine x, or a NaN where one is. stride: of each x.
template <typename T>
void largest(const std::array<const T*, 9>& x, int64_t stride, int64_t count,
             int64_t channels, T* y) {
  Largest<Stored<T>> element{{}, stride, channels, stored(y)};
  for (size_t k = 0; k < x.size(); ++k) element.x[k] = stored(x[k]);
  each(element, count, channels);
}

/// y = the mean of the x, of which there are two or four. stride: of each x.
template <typename T, size_t kPixels>
void mean(const std::array<const T*, kPixels>& x, int64_t stride, int64_t count,
          int64_t channels, T* y, int64_t y_stride) {
  Mean<Stored<T>, static_cast<int>(kPixels)> element{
      {}, stride, stored(y), y_stride};
  for (size_t k = 0; k < kPixels; ++k) element.x[k] = stored(x[k]);
  each(element, count, channels);
}

/// The VNNI layout, which dot products of bfloat16 pairs take: element (k, c)
/// of `to` is x(2k, c) in the lower half, x(2k + 1, c) in the upper.
inline void interleave(const c10::BFloat16* x, int64_t pairs, int64_t channels,
                       uint32_t* to) {
  simd::loops().interleave(stored(x), pairs, channels, to);
}

}  // namespace skipzoo::rows
