#include "models/kernels/simd/rows.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

// Behind whatever else is included: only what stands here may be made of these
// instructions.
#pragma GCC push_options
#pragma GCC target("avx2,fma")

#include "models/kernels/simd/rows_avx2.h"

namespace skipzoo::rows::avx2 {

namespace {

using c10::BFloat16;

constexpr int64_t kLanes = 8;

/// Eight elements side by side, of which the first `count` are there.
template <bool kWhole>
struct Vector {
  int64_t count;
  int64_t ahead;  ///< Prefetch distance, in rows.

  SKIPZOO_INLINE __m256 load(const float* x) const {
    return kWhole ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, mask());
  }
  SKIPZOO_INLINE __m256 load(const BFloat16* x) const {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(bits(x)), 16));
  }
  /// An element of a row, with a prefetch of those some rows ahead: the
  /// hardware prefetcher follows a few streams at most, and gives up on short
  /// parts of long rows.
  template <typename T>
  SKIPZOO_INLINE __m256 load(const T* x, int64_t stride, int64_t row,
                             int64_t c) const {
    const T* at = x + row * stride + c;
    _mm_prefetch(reinterpret_cast<const char*>(at + ahead * stride),
                 _MM_HINT_T0);
    return load(at);
  }
  SKIPZOO_INLINE void store(__m256 v, float* to) const {
    if constexpr (kWhole) {
      _mm256_storeu_ps(to, v);
    } else {
      // Not by a mask, which some processors are slow to store by.
      __m128 part = _mm256_castps256_ps128(v);
      if (count & 4) {
        _mm_storeu_ps(to, part);
        part = _mm256_extractf128_ps(v, 1);
        to += 4;
      }
      if (count & 2) {
        _mm_storel_pi(reinterpret_cast<__m64*>(to), part);
        part = _mm_movehl_ps(part, part);
        to += 2;
      }
      if (count & 1) _mm_store_ss(to, part);
    }
  }
  /// Rounds to nearest, halves to even; a NaN stays one.
  SKIPZOO_INLINE void store(__m256 v, BFloat16* to) const {
    const __m256i wide = _mm256_castps_si256(v);
    const __m256i odd =
        _mm256_and_si256(_mm256_srli_epi32(wide, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_srli_epi32(
        _mm256_add_epi32(_mm256_add_epi32(wide, _mm256_set1_epi32(0x7FFF)),
                         odd),
        16);
    const __m256i is_nan =
        _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i all =
        _mm256_blendv_epi8(rounded, _mm256_set1_epi32(0x7FC0), is_nan);
    put(_mm_packus_epi32(_mm256_castsi256_si128(all),
                         _mm256_extracti128_si256(all, 1)),
        to);
  }
  SKIPZOO_INLINE void copy(const float* x, int64_t stride, int64_t row,
                           int64_t c, float* to) const {
    store(load(x, stride, row, c), to);
  }
  SKIPZOO_INLINE void copy(const BFloat16* x, int64_t stride, int64_t row,
                           int64_t c, BFloat16* to) const {
    put(bits(x + row * stride + c), to);
  }
  /// A NaN stays one: max gives its second where one of them is.
  SKIPZOO_INLINE __m256 at_least(__m256 v, float floor) const {
    return _mm256_max_ps(_mm256_set1_ps(floor), v);
  }
  SKIPZOO_INLINE __m256 larger(__m256 a, __m256 b) const {
    return _mm256_blendv_ps(_mm256_max_ps(a, b), a,
                            _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
  }
  SKIPZOO_INLINE __m256 where_positive(__m256 v, __m256 g) const {
    return _mm256_and_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ), g);
  }

 private:
  SKIPZOO_INLINE __m256i mask() const {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  SKIPZOO_INLINE size_t bytes() const {
    return static_cast<size_t>(count) * sizeof(BFloat16);
  }
  SKIPZOO_INLINE __m128i bits(const BFloat16* x) const {
    if constexpr (kWhole) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(x));
    } else {
      if (count == 4)
        return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x));
      __m128i part = _mm_setzero_si128();
      std::memcpy(&part, x, bytes());
      return part;
    }
  }
  SKIPZOO_INLINE void put(__m128i v, BFloat16* to) const {
    if constexpr (kWhole) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), v);
    } else if (count == 4) {
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to), v);
    } else {
      std::memcpy(to, &v, bytes());
    }
  }
};

/// The vectors that a row's channels make up.
struct Parts {
  explicit Parts(int64_t channels_)
      : channels(channels_),
        // As many as stay in L1 besides what is worked on.
        whole{kLanes, std::clamp<int64_t>(2048 / channels, 1, 8)},
        rest{channels % kLanes, whole.ahead} {}

  /// Calls body(lanes, first channel) for those from c on.
  template <typename Body>
  SKIPZOO_INLINE void each(int64_t c, const Body& body) const {
    for (; c + kLanes <= channels; c += kLanes) body(whole, c);
    if (c < channels) body(rest, c);
  }

  int64_t channels;
  Vector<true> whole;
  Vector<false> rest;
};

template <typename Element>
SKIPZOO_INLINE void for_each(const Element& element, int64_t count,
                             int64_t channels) {
  const Parts parts(channels);
  for (int64_t row = 0; row < count; ++row) {
    parts.each(
        0, [&](auto lanes, int64_t c)
               __attribute__((always_inline)) { element(lanes, row, c); });
  }
}

template <typename Lanes>
SKIPZOO_INLINE void add_to(Lanes lanes, __m256 more, float* sum) {
  lanes.store(lanes.load(sum) + more, sum);
}

/// Accumulators of kVectors vectors of channels from c on, in registers.
template <int kVectors, typename Lanes, typename Element>
SKIPZOO_INLINE void add_up_columns(const Element& element, Lanes lanes,
                                   int64_t count, int64_t c, float* first,
                                   float* second) {
  __m256 a[kVectors] = {}, b[kVectors] = {};
  for (int64_t row = 0; row < count; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const auto terms = element(lanes, row, c + kLanes * v);
      a[v] += terms.first;
      b[v] += terms.second;
    }
  }
  for (int v = 0; v < kVectors; ++v, c += kLanes) {
    add_to(lanes, a[v], first + c);
    add_to(lanes, b[v], second + c);
  }
}

/// The accumulators of few channels stay in registers; of many, in L1, and the
/// data are read in the order of memory.
template <typename Element>
SKIPZOO_INLINE void add_up(const Element& element, int64_t count,
                           int64_t channels, float* first, float* second) {
  constexpr int64_t kMostByColumns = 64;
  const Parts parts(channels);
  if (channels > kMostByColumns) {
    for (int64_t row = 0; row < count; ++row) {
      parts.each(
          0, [&](auto lanes, int64_t c) __attribute__((always_inline)) {
            const auto terms = element(lanes, row, c);
            add_to(lanes, terms.first, first + c);
            add_to(lanes, terms.second, second + c);
          });
    }
    return;
  }
  int64_t c = 0;
  for (; c + 4 * kLanes <= channels; c += 4 * kLanes) {
    add_up_columns<4>(element, parts.whole, count, c, first, second);
  }
  for (; c + 2 * kLanes <= channels; c += 2 * kLanes) {
    add_up_columns<2>(element, parts.whole, count, c, first, second);
  }
  parts.each(
      c, [&](auto lanes, int64_t from) __attribute__((always_inline)) {
        add_up_columns<1>(element, lanes, count, from, first, second);
      });
}

}  // namespace

// By value: a number in what is referred to would be read again after every
// store, which might have changed it.
#define SKIPZOO_EACH(...)                                                  \
  void each(const __VA_ARGS__& element, int64_t count, int64_t channels) { \
    const auto own = element;                                              \
    for_each(own, count, channels);                                        \
  }
#define SKIPZOO_SUM(...)                                                \
  void sum(const __VA_ARGS__& element, int64_t count, int64_t channels, \
           float* first, float* second) {                               \
    add_up(element, count, channels, first, second);                    \
  }
SKIPZOO_ELEMENTS(float, SKIPZOO_EACH, SKIPZOO_SUM)
SKIPZOO_ELEMENTS(BFloat16, SKIPZOO_EACH, SKIPZOO_SUM)
#undef SKIPZOO_EACH
#undef SKIPZOO_SUM

#define SKIPZOO_EACH(...)                                                      \
  void each_tile(const __VA_ARGS__& element, int64_t rows, int64_t channels) { \
    const Vector<true> whole{kLanes, 0};                                       \
    for (int64_t row = 0; row < rows; ++row) {                                 \
      for (int64_t c = 0; c < channels; c += kLanes) element(whole, row, c);   \
    }                                                                          \
  }
SKIPZOO_DATA_TILES(float, SKIPZOO_EACH)
SKIPZOO_DATA_TILES(BFloat16, SKIPZOO_EACH)
SKIPZOO_ACCUMULATOR_TILES(float, SKIPZOO_EACH)
#undef SKIPZOO_EACH

}  // namespace skipzoo::rows::avx2

#pragma GCC pop_options
#endif
