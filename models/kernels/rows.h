#pragma once

#include <c10/util/BFloat16.h>

#include <array>
#include <cstdint>

// Loops over channels-last data: `count` rows, one a pixel, of `channels` each,
// one row `stride` elements after the other. They stand in a file of their own,
// compiled for several instruction sets.

namespace skipzoo::rows {

/// What sums and per-channel numbers are held in.
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

// T is float, double or bfloat16. Where no stride is named, rows follow each
// other without a gap.

/// sum += Σ (x - shift), squares += Σ (x - shift)², over the rows.
template <typename T>
void sums(const T* x, int64_t stride, const Acc<T>* shift, int64_t count,
          int64_t channels, Acc<T>* sum, Acc<T>* squares);

/// y = max(x * scale + offset + residual, 0); residual may be null. y has rows
/// of `to`, x of `stride`.
template <typename T>
void affine_relu(const T* x, int64_t stride, const T* residual,
                 const Acc<T>* scale, const Acc<T>* offset, int64_t count,
                 int64_t channels, T* y, int64_t to);

/// With g = dy where x * scale + bias > 0, else 0: sum += Σ g, product +=
/// Σ g (x - mean), over the rows.
template <typename T>
void gradient_sums(const T* dy, const T* x, const Acc<T>* mean,
                   const Acc<T>* scale, const Acc<T>* bias, int64_t count,
                   int64_t channels, Acc<T>* sum, Acc<T>* product);

/// residual = g, with g = dy where y > 0, else 0, and the sums of
/// gradient_sums.
template <typename T>
void residual_gradient(const T* dy, const T* y, const T* x, const Acc<T>* mean,
                       int64_t count, int64_t channels, T* residual,
                       Acc<T>* sum, Acc<T>* product);

/// dx = scale * g + slope * (x - mean) + offset; g as in gradient_sums, or dy
/// itself where bias is null. dx may be dy.
template <typename T>
void input_gradient(const T* dy, const T* x, const Acc<T>* mean,
                    const Acc<T>* scale, const Acc<T>* bias,
                    const Acc<T>* slope, const Acc<T>* offset, int64_t count,
                    int64_t channels, T* dx);

/// total += scale * g, and the sums of gradient_sums; g as in
/// residual_gradient. dy and y have rows of `from`, x and total of `stride`.
template <typename T>
void add_gradient(const Acc<T>* dy, const T* y, int64_t from, const T* x,
                  int64_t stride, const Acc<T>* mean, const Acc<T>* scale,
                  int64_t count, int64_t channels, Acc<T>* total, Acc<T>* sum,
                  Acc<T>* product);

/// dx = total + slope * (x - mean) + offset. x and total have rows of `stride`.
template <typename T>
void finish_gradient(const Acc<T>* total, const T* x, int64_t stride,
                     const Acc<T>* mean, const Acc<T>* slope,
                     const Acc<T>* offset, int64_t count, int64_t channels,
                     T* dx);

/// y = x; x has rows of `from`, y of `to`.
template <typename T>
void copy(const T* x, int64_t from, int64_t count, int64_t channels, T* y,
          int64_t to);

/// y = x, or y = max(x + bias, 0) where bias is not null, or y = max(x + bias +
/// residual, 0) where residual is not either; x has rows of `from`, y and
/// residual, which may be y, of `to`.
template <typename T>
void write(const Acc<T>* x, int64_t from, const Acc<T>* bias, const T* residual,
           int64_t count, int64_t channels, T* y, int64_t to);

/// y = the largest of the nine x, or a NaN where one is; each x has rows of
/// `stride`.
template <typename T>
void largest(const std::array<const T*, 9>& x, int64_t stride, int64_t count,
             int64_t channels, T* y);

/// Element (k, c) of `to`: x(2k, c) in the lower half, x(2k + 1, c) in the
/// upper.
void interleave(const c10::BFloat16* x, int64_t pairs, int64_t channels,
                uint32_t* to);

}  // namespace skipzoo::rows
