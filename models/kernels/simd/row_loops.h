#pragma once

#include <bit>

#include "models/kernels/simd/row_elements.h"

// How rows.cpp goes through its data where there is nothing better. For that
// file and its test alone.

// Plain loops that the compiler vectorises, once for each of these; which runs
// is decided when the program starts, which is too early for ThreadSanitizer.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__)
#define SKIPZOO_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SKIPZOO_CLONES
#endif

namespace skipzoo::rows {

using c10::BFloat16;

/// One element, of loops that the compiler makes vectors of.
struct OneLane {
  SKIPZOO_INLINE float load(const float* x) const { return *x; }
  SKIPZOO_INLINE double load(const double* x) const { return *x; }
  SKIPZOO_INLINE float load(const BFloat16* x) const {
    return std::bit_cast<float>(static_cast<uint32_t>(x->x) << 16);
  }
  template <typename T>
  SKIPZOO_INLINE auto load(const T* x, int64_t stride, int64_t row,
                           int64_t c) const {
    return load(x + row * stride + c);
  }
  SKIPZOO_INLINE void store(float value, float* to) const { *to = value; }
  SKIPZOO_INLINE void store(double value, double* to) const { *to = value; }
  /// Rounds to nearest, halves to even; a NaN stays one.
  SKIPZOO_INLINE void store(float value, BFloat16* to) const {
    const auto bits = std::bit_cast<uint32_t>(value);
    const uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    to->x = static_cast<uint16_t>(value == value ? rounded : 0x7FC0);
  }
  template <typename T>
  SKIPZOO_INLINE void copy(const T* x, int64_t stride, int64_t row, int64_t c,
                           T* to) const {
    *to = x[row * stride + c];
  }
  /// Not max(): a NaN is to stay one.
  template <typename Value>
  SKIPZOO_INLINE Value at_least(Value v, Value floor) const {
    return v <= floor ? floor : v;
  }
  template <typename Value>
  SKIPZOO_INLINE Value larger(Value a, Value b) const {
    return a >= b || a != a ? a : b;
  }
  template <typename Value>
  SKIPZOO_INLINE Value where_positive(Value v, Value g) const {
    return v > 0 ? g : Value(0);
  }
};

// Few channels are gone through by tiles whose accumulators and per-channel
// numbers stay in registers; many row by row, in the order of memory.
constexpr int64_t kMostByTiles = 48;

/// Calls call<width>(first channel) for tiles that make up the channels.
#define SKIPZOO_TILES(call)                     \
  int64_t c = 0;                                \
  for (; c + 48 <= channels; c += 48) call(48); \
  for (; c + 32 <= channels; c += 32) call(32); \
  for (; c + 16 <= channels; c += 16) call(16); \
  for (; c + 12 <= channels; c += 12) call(12); \
  for (; c + 8 <= channels; c += 8) call(8);    \
  for (; c + 4 <= channels; c += 4) call(4);    \
  for (; c < channels; ++c) call(1)

/// Calls call<width>(first channel) for the parts of one row: whole vectors of
/// every size, so that what is left of the widest is not done one by one.
#define SKIPZOO_PARTS(call)                     \
  int64_t c = 0;                                \
  for (; c + 16 <= channels; c += 16) call(16); \
  if (c + 8 <= channels) {                      \
    call(8);                                    \
    c += 8;                                     \
  }                                             \
  if (c + 4 <= channels) {                      \
    call(4);                                    \
    c += 4;                                     \
  }                                             \
  for (; c < channels; ++c) call(1)

template <int kTile, typename Element, typename A>
SKIPZOO_INLINE void add_up_tile(const Element& element, int64_t count,
                                int64_t c, A* first, A* second) {
  A a[kTile] = {}, b[kTile] = {};
  for (int64_t row = 0; row < count; ++row) {
#pragma omp simd
    for (int i = 0; i < kTile; ++i) {
      const auto terms = element(OneLane(), row, c + i);
      a[i] += terms.first;
      b[i] += terms.second;
    }
  }
  for (int i = 0; i < kTile; ++i) {
    first[c + i] += a[i];
    second[c + i] += b[i];
  }
}

/// Sums of one row's channels from c to c + kWidth.
template <int kWidth, typename Element, typename A>
SKIPZOO_INLINE void add_up_part(const Element& element, int64_t row, int64_t c,
                                A* first, A* second) {
#pragma omp simd
  for (int i = 0; i < kWidth; ++i) {
    const auto terms = element(OneLane(), row, c + i);
    first[c + i] += terms.first;
    second[c + i] += terms.second;
  }
}

/// first += Σ element(row, c).first over the rows, and second likewise.
template <typename Element, typename A>
SKIPZOO_INLINE void add_up(const Element& element, int64_t count,
                           int64_t channels, A* first, A* second) {
  if (channels <= kMostByTiles) {
#define SKIPZOO_CALL(n) add_up_tile<n>(element, count, c, first, second)
    SKIPZOO_TILES(SKIPZOO_CALL);
#undef SKIPZOO_CALL
    return;
  }
  // One row at a time: reading several defeats the prefetcher, which costs more
  // than loading and storing the accumulators.
  for (int64_t row = 0; row < count; ++row) {
#define SKIPZOO_CALL(n) add_up_part<n>(element, row, c, first, second)
    SKIPZOO_PARTS(SKIPZOO_CALL);
#undef SKIPZOO_CALL
  }
}

template <int kTile, typename Element>
SKIPZOO_INLINE void each_of_tile(const Element& element, int64_t count,
                                 int64_t c) {
  for (int64_t row = 0; row < count; ++row) {
#pragma omp simd
    for (int i = 0; i < kTile; ++i) element(OneLane(), row, c + i);
  }
}

template <int kWidth, typename Element>
SKIPZOO_INLINE void each_of_part(const Element& element, int64_t row,
                                 int64_t c) {
#pragma omp simd
  for (int i = 0; i < kWidth; ++i) element(OneLane(), row, c + i);
}

/// Calls element(row, c) for every one; the order does not matter.
template <typename Element>
SKIPZOO_INLINE void for_each(const Element& element, int64_t count,
                             int64_t channels) {
  if (channels <= kMostByTiles) {
#define SKIPZOO_CALL(n) each_of_tile<n>(element, count, c)
    SKIPZOO_TILES(SKIPZOO_CALL);
#undef SKIPZOO_CALL
    return;
  }
  for (int64_t row = 0; row < count; ++row) {
#define SKIPZOO_CALL(n) each_of_part<n>(element, row, c)
    SKIPZOO_PARTS(SKIPZOO_CALL);
#undef SKIPZOO_CALL
  }
}

}  // namespace skipzoo::rows
