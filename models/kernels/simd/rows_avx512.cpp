#include "models/kernels/simd/rows.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)

#include <immintrin.h>

// Behind whatever else is included: only what stands here may be made of these
// instructions.
#pragma GCC push_options
// GCC 12 says so of its own intrinsics.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512bf16")

#include "models/kernels/simd/rows_avx512.h"

namespace skipzoo::rows::avx512 {

namespace {

using c10::BFloat16;

constexpr int64_t kLanes = 16;

/// Sixteen elements side by side, of which those of the mask are there.
template <bool kWhole>
struct Vector {
  __mmask16 mask;
  int64_t ahead;  ///< Prefetch distance, in rows.

  SKIPZOO_INLINE __m512 load(const float* x) const {
    return kWhole ? _mm512_loadu_ps(x) : _mm512_maskz_loadu_ps(mask, x);
  }
  SKIPZOO_INLINE __m512 load(const BFloat16* x) const {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(bits(x)), 16));
  }
  /// An element of a row, with a prefetch of those some rows ahead: the
  /// hardware prefetcher follows a few streams at most, and gives up on short
  /// parts of long rows.
  template <typename T>
  SKIPZOO_INLINE __m512 load(const T* x, int64_t stride, int64_t row,
                             int64_t c) const {
    const T* at = x + row * stride + c;
    _mm_prefetch(reinterpret_cast<const char*>(at + ahead * stride),
                 _MM_HINT_T0);
    return load(at);
  }
  SKIPZOO_INLINE void store(__m512 v, float* to) const {
    kWhole ? _mm512_storeu_ps(to, v) : _mm512_mask_storeu_ps(to, mask, v);
  }
  SKIPZOO_INLINE void store(__m512 v, BFloat16* to) const {
    put(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)), to);
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
  SKIPZOO_INLINE __m512 at_least(__m512 v, float floor) const {
    return _mm512_max_ps(_mm512_set1_ps(floor), v);
  }
  SKIPZOO_INLINE __m512 larger(__m512 a, __m512 b) const {
    return _mm512_mask_mov_ps(_mm512_max_ps(a, b),
                              _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
  }
  SKIPZOO_INLINE __m512 where_positive(__m512 v, __m512 g) const {
    return _mm512_maskz_mov_ps(
        _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ), g);
  }

 private:
  SKIPZOO_INLINE __m256i bits(const BFloat16* x) const {
    return kWhole ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x))
                  : _mm256_maskz_loadu_epi16(mask, x);
  }
  SKIPZOO_INLINE void put(__m256i v, BFloat16* to) const {
    kWhole ? _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v)
           : _mm256_mask_storeu_epi16(to, mask, v);
  }
};

/// As many as stay in L1 besides what is worked on.
int64_t rows_ahead(int64_t channels) {
  constexpr int64_t kElements = 2048, kMost = 8;
  const int64_t rows = kElements / channels;
  return rows < 1 ? 1 : rows > kMost ? kMost : rows;
}

__mmask16 rest_of(int64_t channels) {
  return static_cast<__mmask16>((1U << channels % kLanes) - 1);
}

template <typename Element>
SKIPZOO_INLINE void for_each(const Element& element, int64_t count,
                             int64_t channels) {
  const Vector<true> whole{0xFFFF, rows_ahead(channels)};
  const Vector<false> rest{rest_of(channels), whole.ahead};
  for (int64_t row = 0; row < count; ++row) {
    int64_t c = 0;
    for (; c + kLanes <= channels; c += kLanes) element(whole, row, c);
    if (c < channels) element(rest, row, c);
  }
}

/// Accumulators of kVectors vectors of channels, in registers.
template <int kVectors, bool kRest, typename Element>
SKIPZOO_INLINE void add_up_columns(const Element& element, int64_t count,
                                   int64_t channels, float* first,
                                   float* second) {
  const Vector<true> whole{0xFFFF, rows_ahead(channels)};
  const Vector<false> rest{rest_of(channels), whole.ahead};
  __m512 a[kVectors] = {}, b[kVectors] = {};
  for (int64_t row = 0; row < count; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const auto terms = [&] {
        if constexpr (kRest) {
          if (v == kVectors - 1) return element(rest, row, kLanes * v);
        }
        return element(whole, row, kLanes * v);
      }();
      a[v] += terms.first;
      b[v] += terms.second;
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    const Vector<false> lanes{
        kRest && v == kVectors - 1 ? rest.mask : whole.mask, 0};
    float* one = first + kLanes * v;
    float* other = second + kLanes * v;
    lanes.store(lanes.load(one) + a[v], one);
    lanes.store(lanes.load(other) + b[v], other);
  }
}

/// Accumulators of many channels, row by row, in L1.
template <typename Element>
SKIPZOO_INLINE void add_up_rows(const Element& element, int64_t count,
                                int64_t channels, float* first, float* second) {
  const Vector<true> whole{0xFFFF, rows_ahead(channels)};
  const Vector<false> rest{rest_of(channels), whole.ahead};
  const auto add = [&](auto lanes, int64_t row, int64_t c) {
    const auto terms = element(lanes, row, c);
    lanes.store(lanes.load(first + c) + terms.first, first + c);
    lanes.store(lanes.load(second + c) + terms.second, second + c);
  };
  for (int64_t row = 0; row < count; ++row) {
    int64_t c = 0;
    for (; c + kLanes <= channels; c += kLanes) add(whole, row, c);
    if (c < channels) add(rest, row, c);
  }
}

template <typename Element>
SKIPZOO_INLINE void add_up(const Element& element, int64_t count,
                           int64_t channels, float* first, float* second) {
  const bool rest = channels % kLanes > 0;
#define SKIPZOO_COLUMNS(n)                                                  \
  case n:                                                                   \
    return rest ? add_up_columns<n, true>(element, count, channels, first,  \
                                          second)                           \
                : add_up_columns<n, false>(element, count, channels, first, \
                                           second)
  switch ((channels + kLanes - 1) / kLanes) {
    SKIPZOO_COLUMNS(1);
    SKIPZOO_COLUMNS(2);
    SKIPZOO_COLUMNS(3);
    SKIPZOO_COLUMNS(4);
    default:
      return add_up_rows(element, count, channels, first, second);
  }
#undef SKIPZOO_COLUMNS
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
    const Vector<true> whole{0xFFFF, 0};                                       \
    for (int64_t row = 0; row < rows; ++row) {                                 \
      for (int64_t c = 0; c < channels; c += kLanes) {                         \
        element(whole, row, c);                                                \
      }                                                                        \
    }                                                                          \
  }
SKIPZOO_DATA_TILES(float, SKIPZOO_EACH)
SKIPZOO_DATA_TILES(BFloat16, SKIPZOO_EACH)
SKIPZOO_ACCUMULATOR_TILES(float, SKIPZOO_EACH)
#undef SKIPZOO_EACH

void interleave(const BFloat16* x, int64_t pairs, int64_t channels,
                uint32_t* to) {
  for (int64_t k = 0; k < pairs; ++k, x += 2 * channels, to += channels) {
    for (int64_t c = 0; c < channels; c += kLanes) {
      const int64_t left = channels - c;
      const auto mask =
          left >= kLanes ? static_cast<__mmask16>(0xFFFF) : rest_of(channels);
      const auto half = [&](const BFloat16* from) {
        return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from + c));
      };
      _mm512_mask_storeu_epi32(
          to + c, mask,
          _mm512_or_si512(half(x), _mm512_slli_epi32(half(x + channels), 16)));
    }
  }
}

}  // namespace skipzoo::rows::avx512

#pragma GCC pop_options
#endif
