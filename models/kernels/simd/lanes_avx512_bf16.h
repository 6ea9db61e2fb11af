#pragma once

#include <immintrin.h>

#include <cstdint>

#include "models/kernels/simd/lanes_avx512.h"

// Lanes of AVX-512 with BW, VL and BF16.

namespace skipzoo::simd {
namespace {

/// Sixteen elements side by side, of which those of the mask are there.
template <bool kWhole>
struct Avx512Floats {
  static constexpr int64_t kLanes = 16, kMostByColumns = 64;
  using Value = __m512;

  __mmask16 mask;
  int64_t ahead;  ///< Prefetch distance, in rows.

  [[gnu::always_inline]] static Avx512Floats of(int64_t count, int64_t ahead) {
    return {static_cast<__mmask16>((1U << count) - 1), ahead};
  }

  [[gnu::always_inline]] __m512 load(const float* x) const {
    return kWhole ? _mm512_loadu_ps(x) : _mm512_maskz_loadu_ps(mask, x);
  }
  [[gnu::always_inline]] __m512 load(const Bf16* x) const {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(bits(x)), 16));
  }
  /// An element of a row, with a prefetch of those some rows ahead: the
  /// hardware prefetcher follows a few streams at most, and gives up on short
  /// parts of long rows.
  template <typename T>
  [[gnu::always_inline]] __m512 load(const T* x, int64_t stride, int64_t row,
                                     int64_t c) const {
    const T* at = x + row * stride + c;
    _mm_prefetch(reinterpret_cast<const char*>(at + ahead * stride),
                 _MM_HINT_T0);
    return load(at);
  }
  [[gnu::always_inline]] void store(__m512 v, float* to) const {
    kWhole ? _mm512_storeu_ps(to, v) : _mm512_mask_storeu_ps(to, mask, v);
  }
  [[gnu::always_inline]] void store(__m512 v, Bf16* to) const {
    put(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)), to);
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
  [[gnu::always_inline]] __m512 at_least(__m512 v, float floor) const {
    return _mm512_max_ps(_mm512_set1_ps(floor), v);
  }
  [[gnu::always_inline]] __m512 larger(__m512 a, __m512 b) const {
    return _mm512_mask_mov_ps(_mm512_max_ps(a, b),
                              _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
  }
  [[gnu::always_inline]] __m512 where_positive(__m512 v, __m512 g) const {
    return _mm512_maskz_mov_ps(
        _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ), g);
  }

 private:
  [[gnu::always_inline]] __m256i bits(const Bf16* x) const {
    return kWhole ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x))
                  : _mm256_maskz_loadu_epi16(mask, x);
  }
  [[gnu::always_inline]] void put(__m256i v, Bf16* to) const {
    kWhole ? _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v)
           : _mm256_mask_storeu_epi16(to, mask, v);
  }
};

template <bool kWhole>
using Avx512Doubles = PlainLanes<double, 8, kWhole>;

/// A micro-kernel of generic/gemm_tiles.h, of pairs of bfloat16.
struct Avx512GemmOfPairs : Avx512Gemm {
  using Element = uint32_t;

  [[gnu::always_inline]] static Vector dot(Vector sum, uint32_t a,
                                           const uint32_t* b) {
    return _mm512_dpbf16_ps(
        sum, reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(a))),
        reinterpret_cast<__m512bh>(_mm512_loadu_si512(b)));
  }
};

/// See rows::interleave().
void avx512_interleave(const Bf16* x, int64_t pairs, int64_t channels,
                       uint32_t* to) {
  constexpr int64_t kLanes = 16;
  for (int64_t k = 0; k < pairs; ++k, x += 2 * channels, to += channels) {
    for (int64_t c = 0; c < channels; c += kLanes) {
      const int64_t left = channels - c;
      const auto mask =
          static_cast<__mmask16>(left >= kLanes ? 0xFFFF : (1U << left) - 1);
      const auto half = [&](const Bf16* from) __attribute__((always_inline)) {
        return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from + c));
      };
      _mm512_mask_storeu_epi32(
          to + c, mask,
          _mm512_or_si512(half(x), _mm512_slli_epi32(half(x + channels), 16)));
    }
  }
}

}  // namespace
}  // namespace skipzoo::simd
