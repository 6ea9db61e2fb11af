#include "models/kernels/rows.h"

#include <bit>
#include <type_traits>

// Plain loops that the compiler vectorises, once for each of these; which runs
// is decided when the program starts.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SKIPZOO_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SKIPZOO_CLONES
#endif
#define SKIPZOO_INLINE inline __attribute__((always_inline))

namespace skipzoo::rows {

namespace {

using c10::BFloat16;

SKIPZOO_INLINE float load(float value) { return value; }
SKIPZOO_INLINE double load(double value) { return value; }
SKIPZOO_INLINE float load(BFloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.x) << 16);
}

SKIPZOO_INLINE void store(float value, float& to) { to = value; }
SKIPZOO_INLINE void store(double value, double& to) { to = value; }
/// Rounds to nearest, halves to even; a NaN stays one.
SKIPZOO_INLINE void store(float value, BFloat16& to) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  to.x = static_cast<uint16_t>(value == value ? rounded : 0x7FC0);
}

/// Sums of a tile of channels, in registers.
template <int kTile, typename T>
SKIPZOO_INLINE void sums_of_tile(const T* __restrict x,
                                 const Acc<T>* __restrict shift, int64_t count,
                                 int64_t channels, Acc<T>* sum,
                                 Acc<T>* squares) {
  Acc<T> a[kTile] = {}, b[kTile] = {};
  for (int64_t row = 0; row < count; ++row, x += channels) {
#pragma omp simd
    for (int i = 0; i < kTile; ++i) {
      const Acc<T> d = load(x[i]) - shift[i];
      a[i] += d;
      b[i] += d * d;
    }
  }
  for (int i = 0; i < kTile; ++i) {
    sum[i] += a[i];
    squares[i] += b[i];
  }
}

template <int kTile, typename T>
SKIPZOO_INLINE void gradient_sums_of_tile(const T* dy, const T* y, const T* x,
                                          const Acc<T>* mean, int64_t count,
                                          int64_t channels, Acc<T>* sum,
                                          Acc<T>* product) {
  Acc<T> a[kTile] = {}, b[kTile] = {};
  for (int64_t row = 0; row < count; ++row) {
#pragma omp simd
    for (int i = 0; i < kTile; ++i) {
      const Acc<T> g = load(y[i]) > 0 ? load(dy[i]) : Acc<T>(0);
      a[i] += g;
      b[i] += g * (load(x[i]) - mean[i]);
    }
    dy += channels, y += channels, x += channels;
  }
  for (int i = 0; i < kTile; ++i) {
    sum[i] += a[i];
    product[i] += b[i];
  }
}

template <int kTile, bool kResidual, typename T>
SKIPZOO_INLINE void affine_relu_of_tile(const T* __restrict x,
                                        const T* __restrict residual,
                                        const Acc<T>* __restrict scale,
                                        const Acc<T>* __restrict offset,
                                        int64_t count, int64_t channels,
                                        T* __restrict y) {
  Acc<T> a[kTile], b[kTile];
  for (int i = 0; i < kTile; ++i) a[i] = scale[i], b[i] = offset[i];
  for (int64_t row = 0; row < count; ++row) {
    const int64_t at = row * channels;
#pragma omp simd
    for (int i = 0; i < kTile; ++i) {
      Acc<T> v = load(x[at + i]) * a[i] + b[i];
      if constexpr (kResidual) v += load(residual[at + i]);
      // Not max(): a NaN is to stay one.
      store(v <= 0 ? Acc<T>(0) : v, y[at + i]);
    }
  }
}

template <int kTile, bool kResidual, typename T>
SKIPZOO_INLINE void input_gradient_of_tile(
    const T* __restrict dy, const T* __restrict y, const T* __restrict x,
    const Acc<T>* __restrict mean, const Acc<T>* __restrict scale,
    const Acc<T>* __restrict slope, const Acc<T>* __restrict offset,
    int64_t count, int64_t channels, T* __restrict dx, T* __restrict residual) {
  Acc<T> m[kTile], a[kTile], b[kTile], c[kTile];
  for (int i = 0; i < kTile; ++i) {
    m[i] = mean[i], a[i] = scale[i], b[i] = slope[i], c[i] = offset[i];
  }
  for (int64_t row = 0; row < count; ++row) {
    const int64_t at = row * channels;
#pragma omp simd
    for (int i = 0; i < kTile; ++i) {
      const Acc<T> g = load(y[at + i]) > 0 ? load(dy[at + i]) : Acc<T>(0);
      store(a[i] * g + b[i] * (load(x[at + i]) - m[i]) + c[i], dx[at + i]);
      if constexpr (kResidual) store(g, residual[at + i]);
    }
  }
}

/// Goes through the channels by tiles of 32, 16, 8, 4, then one by one.
#define SKIPZOO_TILES(call)                     \
  int64_t c = 0;                                \
  for (; c + 32 <= channels; c += 32) call(32); \
  for (; c + 16 <= channels; c += 16) call(16); \
  for (; c + 8 <= channels; c += 8) call(8);    \
  for (; c + 4 <= channels; c += 4) call(4);    \
  for (; c < channels; ++c) call(1)

template <typename T>
SKIPZOO_INLINE void sums_of(const T* x, const Acc<T>* shift, int64_t count,
                            int64_t channels, Acc<T>* sum, Acc<T>* squares) {
#define SKIPZOO_CALL(n) \
  sums_of_tile<n>(x + c, shift + c, count, channels, sum + c, squares + c)
  SKIPZOO_TILES(SKIPZOO_CALL);
#undef SKIPZOO_CALL
}

template <typename T>
SKIPZOO_INLINE void gradient_sums_of(const T* dy, const T* y, const T* x,
                                     const Acc<T>* mean, int64_t count,
                                     int64_t channels, Acc<T>* sum,
                                     Acc<T>* product) {
#define SKIPZOO_CALL(n)                                                     \
  gradient_sums_of_tile<n>(dy + c, y + c, x + c, mean + c, count, channels, \
                           sum + c, product + c)
  SKIPZOO_TILES(SKIPZOO_CALL);
#undef SKIPZOO_CALL
}

template <bool kResidual, typename T>
SKIPZOO_INLINE void affine_relu_of(const T* x, const T* residual,
                                   const Acc<T>* scale, const Acc<T>* offset,
                                   int64_t count, int64_t channels, T* y) {
#define SKIPZOO_CALL(n)                                                     \
  affine_relu_of_tile<n, kResidual>(x + c, kResidual ? residual + c : x,    \
                                    scale + c, offset + c, count, channels, \
                                    y + c)
  SKIPZOO_TILES(SKIPZOO_CALL);
#undef SKIPZOO_CALL
}

template <bool kResidual, typename T>
SKIPZOO_INLINE void input_gradient_of(const T* dy, const T* y, const T* x,
                                      const Acc<T>* mean, const Acc<T>* scale,
                                      const Acc<T>* slope, const Acc<T>* offset,
                                      int64_t count, int64_t channels, T* dx,
                                      T* residual) {
#define SKIPZOO_CALL(n)                                                        \
  input_gradient_of_tile<n, kResidual>(                                        \
      dy + c, y + c, x + c, mean + c, scale + c, slope + c, offset + c, count, \
      channels, dx + c, kResidual ? residual + c : dx)
  SKIPZOO_TILES(SKIPZOO_CALL);
#undef SKIPZOO_CALL
}

}  // namespace

#define SKIPZOO_ROWS(T)                                                        \
  SKIPZOO_CLONES void sums(const T* x, const Acc<T>* shift, int64_t count,     \
                           int64_t channels, Acc<T>* sum, Acc<T>* squares) {   \
    sums_of(x, shift, count, channels, sum, squares);                          \
  }                                                                            \
  SKIPZOO_CLONES void affine_relu(const T* x, const T* residual,               \
                                  const Acc<T>* scale, const Acc<T>* offset,   \
                                  int64_t count, int64_t channels, T* y) {     \
    residual == nullptr ? affine_relu_of<false>(x, residual, scale, offset,    \
                                                count, channels, y)            \
                        : affine_relu_of<true>(x, residual, scale, offset,     \
                                               count, channels, y);            \
  }                                                                            \
  SKIPZOO_CLONES void gradient_sums(                                           \
      const T* dy, const T* y, const T* x, const Acc<T>* mean, int64_t count,  \
      int64_t channels, Acc<T>* sum, Acc<T>* product) {                        \
    gradient_sums_of(dy, y, x, mean, count, channels, sum, product);           \
  }                                                                            \
  SKIPZOO_CLONES void input_gradient(                                          \
      const T* dy, const T* y, const T* x, const Acc<T>* mean,                 \
      const Acc<T>* scale, const Acc<T>* slope, const Acc<T>* offset,          \
      int64_t count, int64_t channels, T* dx, T* residual) {                   \
    residual == nullptr                                                        \
        ? input_gradient_of<false>(dy, y, x, mean, scale, slope, offset,       \
                                   count, channels, dx, residual)              \
        : input_gradient_of<true>(dy, y, x, mean, scale, slope, offset, count, \
                                  channels, dx, residual);                     \
  }

SKIPZOO_ROWS(float)
SKIPZOO_ROWS(double)
SKIPZOO_ROWS(c10::BFloat16)

}  // namespace skipzoo::rows
