#pragma once

#include <immintrin.h>

#include <cstdint>

#include "models/kernels/simd/lanes_plain.h"

// Lanes of AVX2 and FMA.

namespace skipzoo::simd {
namespace {

/// Eight elements side by side, of which the first `count` are there.
template <bool kWhole>
struct Avx2Floats {
  static constexpr int64_t kLanes = 8, kMostByColumns = 64;
  using Value = __m256;

  int64_t count;
  int64_t ahead;  ///< Prefetch distance, in rows.

  [[gnu::always_inline]] static Avx2Floats of(int64_t count, int64_t ahead) {
    return {count, ahead};
  }

  [[gnu::always_inline]] __m256 load(const float* x) const {
    return kWhole ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, mask());
  }
  [[gnu::always_inline]] __m256 load(const Bf16* x) const {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(bits(x)), 16));
  }
  /// An element of a row, with a prefetch of those some rows ahead: the
  /// hardware prefetcher follows a few streams at most, and gives up on short
  /// parts of long rows.
  template <typename T>
  [[gnu::always_inline]] __m256 load(const T* x, int64_t stride, int64_t row,
                                     int64_t c) const {
    const T* at = x + row * stride + c;
    _mm_prefetch(reinterpret_cast<const char*>(at + ahead * stride),
                 _MM_HINT_T0);
    return load(at);
  }
  [[gnu::always_inline]] void store(__m256 v, float* to) const {
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
  [[gnu::always_inline]] void store(__m256 v, Bf16* to) const {
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
  [[gnu::always_inline]] void copy(const float* x, int64_t stride, int64_t row,
                                   int64_t c, float* to) const {
    store(load(x, stride, row, c), to);
  }
  [[gnu::always_inline]] void copy(const Bf16* x, int64_t stride, int64_t row,
                                   int64_t c, Bf16* to) const {
    put(bits(x + row * stride + c), to);
  }
  /// A NaN stays one: max gives its second where one of them is.
  [[gnu::always_inline]] __m256 at_least(__m256 v, float floor) const {
    return _mm256_max_ps(_mm256_set1_ps(floor), v);
  }
  [[gnu::always_inline]] __m256 larger(__m256 a, __m256 b) const {
    return _mm256_blendv_ps(_mm256_max_ps(a, b), a,
                            _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
  }
  [[gnu::always_inline]] __m256 where_positive(__m256 v, __m256 g) const {
    return _mm256_and_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ), g);
  }

 private:
  [[gnu::always_inline]] __m256i mask() const {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  [[gnu::always_inline]] uint64_t bytes() const {
    return static_cast<uint64_t>(count) * sizeof(Bf16);
  }
  [[gnu::always_inline]] __m128i bits(const Bf16* x) const {
    if constexpr (kWhole) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(x));
    } else {
      if (count == 4)
        return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x));
      __m128i part = _mm_setzero_si128();
      __builtin_memcpy(&part, x, bytes());
      return part;
    }
  }
  [[gnu::always_inline]] void put(__m128i v, Bf16* to) const {
    if constexpr (kWhole) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), v);
    } else if (count == 4) {
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to), v);
    } else {
      __builtin_memcpy(to, &v, bytes());
    }
  }
};

template <bool kWhole>
using Avx2Doubles = PlainLanes<double, 4, kWhole>;

/// A micro-kernel of generic/gemm_tiles.h.
struct Avx2Gemm {
  using Element = float;
  using Accumulator = float;
  using Vector = __m256;
  static constexpr int kTileRows = 4, kLeastToPack = 8192;
  static constexpr bool kHasTallTiles = false;

  [[gnu::always_inline]] static Vector load(const float* x) {
    return _mm256_loadu_ps(x);
  }
  [[gnu::always_inline]] static void store(float* x, Vector v) {
    _mm256_storeu_ps(x, v);
  }
  [[gnu::always_inline]] static Vector dot(Vector sum, float a,
                                           const float* b) {
    return _mm256_fmadd_ps(_mm256_set1_ps(a), _mm256_loadu_ps(b), sum);
  }
};

/// Of pairs of bfloat16, each of which is the upper half of a float.
struct Avx2GemmOfPairs : Avx2Gemm {
  using Element = uint32_t;

  [[gnu::always_inline]] static Vector first(__m256i pairs) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
  }
  [[gnu::always_inline]] static Vector second(__m256i pairs) {
    return _mm256_castsi256_ps(
        _mm256_and_si256(pairs, _mm256_set1_epi32(-65536)));
  }
  [[gnu::always_inline]] static Vector dot(Vector sum, uint32_t a,
                                           const uint32_t* b) {
    const __m256i left = _mm256_set1_epi32(static_cast<int>(a));
    const __m256i right =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
    return _mm256_fmadd_ps(second(left), second(right),
                           _mm256_fmadd_ps(first(left), first(right), sum));
  }
};

/// Eight lanes of generic/grouped_tiles.h.
struct Avx2Grouped {
  using Vector = __m256;

  [[gnu::always_inline]] static Vector load(const float* x) {
    return _mm256_loadu_ps(x);
  }
  [[gnu::always_inline]] static void store(Vector v, float* to) {
    _mm256_storeu_ps(to, v);
  }
  [[gnu::always_inline]] static Vector broadcast(const float* x) {
    return _mm256_broadcast_ss(x);
  }
  [[gnu::always_inline]] static Vector add(Vector a, Vector b) {
    return _mm256_add_ps(a, b);
  }
  [[gnu::always_inline]] static Vector multiply_add(Vector a, Vector b,
                                                    Vector sum) {
    return _mm256_fmadd_ps(a, b, sum);
  }
  /// A NaN, the second operand, stays one.
  [[gnu::always_inline]] static Vector above_zero(Vector v) {
    return _mm256_max_ps(_mm256_setzero_ps(), v);
  }
  template <int kTurn>
  [[gnu::always_inline]] static Vector turned(Vector v) {
    constexpr int kImmediate = kTurn == 1 ? 0x93 : kTurn == 2 ? 0x4E : 0x39;
    return _mm256_permute_ps(v, kImmediate);
  }
};

}  // namespace
}  // namespace skipzoo::simd
