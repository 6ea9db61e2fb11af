#pragma once

#include <c10/util/BFloat16.h>

#include <array>
#include <cstdint>

// Loops over channels-last data: `count` rows, one a pixel, of `channels` each,
// one row `stride` elements after the other. They stand in a file of their own,
// compiled for several instruction sets.

namespace skipzoo::rows {

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

// T is float, double or bfloat16. Where no stride is named, rows follow each
// other without a gap.

/// sum += Σ (x - shift), squares += Σ (x - shift)², over the rows.
template <typename T>
void sums(const T* x, int64_t stride, const Acc<T>* shift, int64_t count,
          int64_t channels, Acc<T>* sum, Acc<T>* squares);

/// y = x * scale + offset + residual, and with a ReLU no less than 0; residual
/// may be null.
template <typename T>
void affine(const T* x, int64_t x_stride, const T* residual,
            const Acc<T>* scale, const Acc<T>* offset, bool relu, int64_t count,
            int64_t channels, T* y, int64_t y_stride);

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
/// residual_gradient. dy_stride is y's too, x_stride total's.
template <typename T>
void add_gradient(const Acc<T>* dy, const T* y, int64_t dy_stride, const T* x,
                  int64_t x_stride, const Acc<T>* mean, const Acc<T>* scale,
                  int64_t count, int64_t channels, Acc<T>* total, Acc<T>* sum,
                  Acc<T>* product);

/// dx = total + slope * (x - mean) + offset. stride: of x and total.
template <typename T>
void finish_gradient(const Acc<T>* total, const T* x, int64_t stride,
                     const Acc<T>* mean, const Acc<T>* slope,
                     const Acc<T>* offset, int64_t count, int64_t channels,
                     T* dx);

/// y = x.
template <typename T>
void copy(const T* x, int64_t x_stride, int64_t count, int64_t channels, T* y,
          int64_t y_stride);

/// y = x, or y = x + bias where bias is not null, or y = x + bias + residual
/// where residual is not either; with a bias and a ReLU, no less than 0.
/// residual may be y; y_stride is of both.
template <typename T>
void write(const Acc<T>* x, int64_t x_stride, const Acc<T>* bias,
           const T* residual, bool relu, int64_t count, int64_t channels, T* y,
           int64_t y_stride);

/// y = the largest of the nine x, or a NaN where one is. stride: of each x.
template <typename T>
void largest(const std::array<const T*, 9>& x, int64_t stride, int64_t count,
             int64_t channels, T* y);

/// y = the mean of the x, of which there are two or four. stride: of each x.
template <typename T, size_t kPixels>
void mean(const std::array<const T*, kPixels>& x, int64_t stride, int64_t count,
          int64_t channels, T* y, int64_t y_stride);

/// The VNNI layout, which dot products of bfloat16 pairs take: element (k, c)
/// of `to` is x(2k, c) in the lower half, x(2k + 1, c) in the upper.
void interleave(const c10::BFloat16* x, int64_t pairs, int64_t channels,
                uint32_t* to);

}  // namespace skipzoo::rows
