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
SKIPZOO_INLINE void sums_of_tile(const T* x, const Acc<T>* shift, int64_t count,
                                 int64_t channels, Acc<T>* sum,
                                 Acc<T>* squares) {
  Acc<T> a[kTile] = {}, b[kTile] = {};
  for (int64_t row = 0; row < count; ++row, x += channels) {
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

/// Goes through the channels by tiles of 32, then 8, then one.
#define SKIPZOO_TILES(call)                     \
  int64_t c = 0;                                \
  for (; c + 32 <= channels; c += 32) call(32); \
  for (; c + 8 <= channels; c += 8) call(8);    \
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

template <typename T>
SKIPZOO_INLINE void affine_relu_of(const T* x, const T* residual,
                                   const Acc<T>* scale, const Acc<T>* offset,
                                   int64_t count, int64_t channels, T* y) {
  for (int64_t row = 0; row < count; ++row) {
    const int64_t at = row * channels;
    if (residual == nullptr) {
      for (int64_t c = 0; c < channels; ++c) {
        const Acc<T> v = load(x[at + c]) * scale[c] + offset[c];
        store(v > 0 ? v : (v == v ? Acc<T>(0) : v), y[at + c]);
      }
    } else {
      for (int64_t c = 0; c < channels; ++c) {
        const Acc<T> v =
            load(x[at + c]) * scale[c] + offset[c] + load(residual[at + c]);
        store(v > 0 ? v : (v == v ? Acc<T>(0) : v), y[at + c]);
      }
    }
  }
}

template <typename T>
SKIPZOO_INLINE void input_gradient_of(const T* dy, const T* y, const T* x,
                                      const Acc<T>* mean, const Acc<T>* scale,
                                      const Acc<T>* slope, const Acc<T>* offset,
                                      int64_t count, int64_t channels, T* dx,
                                      T* residual) {
  for (int64_t row = 0; row < count; ++row) {
    const int64_t at = row * channels;
    for (int64_t c = 0; c < channels; ++c) {
      const Acc<T> g = load(y[at + c]) > 0 ? load(dy[at + c]) : Acc<T>(0);
      store(scale[c] * g + slope[c] * (load(x[at + c]) - mean[c]) + offset[c],
            dx[at + c]);
    }
    if (residual == nullptr) continue;
    for (int64_t c = 0; c < channels; ++c) {
      const Acc<T> g = load(y[at + c]) > 0 ? load(dy[at + c]) : Acc<T>(0);
      store(g, residual[at + c]);
    }
  }
}

}  // namespace

#define SKIPZOO_ROWS(T)                                                       \
  SKIPZOO_CLONES void sums(const T* x, const Acc<T>* shift, int64_t count,    \
                           int64_t channels, Acc<T>* sum, Acc<T>* squares) {  \
    sums_of(x, shift, count, channels, sum, squares);                         \
  }                                                                           \
  SKIPZOO_CLONES void affine_relu(const T* x, const T* residual,              \
                                  const Acc<T>* scale, const Acc<T>* offset,  \
                                  int64_t count, int64_t channels, T* y) {    \
    affine_relu_of(x, residual, scale, offset, count, channels, y);           \
  }                                                                           \
  SKIPZOO_CLONES void gradient_sums(                                          \
      const T* dy, const T* y, const T* x, const Acc<T>* mean, int64_t count, \
      int64_t channels, Acc<T>* sum, Acc<T>* product) {                       \
    gradient_sums_of(dy, y, x, mean, count, channels, sum, product);          \
  }                                                                           \
  SKIPZOO_CLONES void input_gradient(                                         \
      const T* dy, const T* y, const T* x, const Acc<T>* mean,                \
      const Acc<T>* scale, const Acc<T>* slope, const Acc<T>* offset,         \
      int64_t count, int64_t channels, T* dx, T* residual) {                  \
    input_gradient_of(dy, y, x, mean, scale, slope, offset, count, channels,  \
                      dx, residual);                                          \
  }

SKIPZOO_ROWS(float)
SKIPZOO_ROWS(double)
SKIPZOO_ROWS(c10::BFloat16)

}  // namespace skipzoo::rows
