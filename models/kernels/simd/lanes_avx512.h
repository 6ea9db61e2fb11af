#pragma once

#include <immintrin.h>

#include <cstdint>

#include "models/kernels/simd/lanes_plain.h"

// Lanes of AVX-512's foundation (F) alone.

namespace skipzoo::simd {
namespace {

/// A micro-kernel of generic/gemm_tiles.h.
struct Avx512Gemm {
  using Element = float;
  using Accumulator = float;
  using Vector = __m512;
  static constexpr int kTileRows = 8, kLeastToPack = 0;
  static constexpr bool kHasTallTiles = true;

  [[gnu::always_inline]] static Vector load(const float* x) {
    return _mm512_loadu_ps(x);
  }
  [[gnu::always_inline]] static void store(float* x, Vector v) {
    _mm512_storeu_ps(x, v);
  }
  [[gnu::always_inline]] static Vector dot(Vector sum, float a,
                                           const float* b) {
    return _mm512_fmadd_ps(_mm512_set1_ps(a), _mm512_loadu_ps(b), sum);
  }
};

}  // namespace
}  // namespace skipzoo::simd
