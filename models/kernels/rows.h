#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

// Loops over channels-last data: `count` rows, one a pixel, of `channels` each.
// They stand in a file of their own, compiled for several instruction sets.

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

// Each exists for float, double and bfloat16.
#define SKIPZOO_ROWS(T)                                                         \
  /** sum += Σ (x - shift), squares += Σ (x - shift)², over the rows. */     \
  void sums(const T* x, const Acc<T>* shift, int64_t count, int64_t channels,   \
            Acc<T>* sum, Acc<T>* squares);                                      \
  /** y = max(x * scale + offset + residual, 0); residual may be null. */       \
  void affine_relu(const T* x, const T* residual, const Acc<T>* scale,          \
                   const Acc<T>* offset, int64_t count, int64_t channels,       \
                   T* y);                                                       \
  /** With g = dy where y > 0, else 0: sum += Σ g, product += Σ g (x - mean), \
   * over the rows. */                                                          \
  void gradient_sums(const T* dy, const T* y, const T* x, const Acc<T>* mean,   \
                     int64_t count, int64_t channels, Acc<T>* sum,              \
                     Acc<T>* product);                                          \
  /** dx = scale * g + slope * (x - mean) + offset, and residual = g where      \
   * residual is not null. */                                                   \
  void input_gradient(const T* dy, const T* y, const T* x, const Acc<T>* mean,  \
                      const Acc<T>* scale, const Acc<T>* slope,                 \
                      const Acc<T>* offset, int64_t count, int64_t channels,    \
                      T* dx, T* residual);

SKIPZOO_ROWS(float)
SKIPZOO_ROWS(double)
SKIPZOO_ROWS(c10::BFloat16)
#undef SKIPZOO_ROWS

}  // namespace skipzoo::rows
