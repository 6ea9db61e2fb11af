#pragma once

#include <arm_neon.h>

#include <cstdint>

#include "models/kernels/simd/lanes_plain.h"

// Lanes of 64-bit ARM's NEON: plain ones, with what a compiler does not find
// by itself.

namespace skipzoo::simd {
namespace {

/// Four floats, or the first few of them.
template <bool kWhole>
struct NeonFloats : PlainFloats<kWhole> {
  using Plain = PlainFloats<kWhole>;
  using Value = typename Plain::Value;
  static constexpr int64_t kMostByColumns = 64;

  [[gnu::always_inline]] static NeonFloats of(int64_t count, int64_t ahead) {
    return {{count, ahead}};
  }

  using Plain::load;
  /// An element of a row, with a prefetch of those some rows ahead.
  template <typename T>
  [[gnu::always_inline]] Value load(const T* x, int64_t stride, int64_t row,
                                    int64_t c) const {
    const T* at = x + row * stride + c;
    __builtin_prefetch(at + this->ahead * stride);
    return this->load(at);
  }
  // Of a NaN and a number, FMAX gives the NaN.
  [[gnu::always_inline]] Value at_least(Value v, float floor) const {
    return vmaxq_f32(v, vdupq_n_f32(floor));
  }
  [[gnu::always_inline]] Value larger(Value a, Value b) const {
    return vmaxq_f32(a, b);
  }
};

/// A micro-kernel of generic/gemm_tiles.h, for 32 registers.
struct NeonGemm : PlainGemm<float> {
  static constexpr int kTileRows = 8;

  [[gnu::always_inline]] static Vector dot(Vector sum, float a,
                                           const float* b) {
    return vfmaq_n_f32(sum, load(b), a);
  }
};

/// Of pairs of bfloat16.
struct NeonGemmOfPairs : PlainGemmOfPairs {
  [[gnu::always_inline]] static Vector dot(Vector sum, uint32_t a,
                                           const uint32_t* b) {
    const uint32x4_t left = vdupq_n_u32(a), right = vld1q_u32(b);
    return vfmaq_f32(vfmaq_f32(sum, first(left), first(right)), second(left),
                     second(right));
  }
};

/// Eight lanes of generic/grouped_tiles.h.
struct NeonGrouped : PlainGrouped {
  [[gnu::always_inline]] static Vector multiply_add(Vector a, Vector b,
                                                    Vector sum) {
    return {vfmaq_f32(sum.low, a.low, b.low),
            vfmaq_f32(sum.high, a.high, b.high)};
  }
};

}  // namespace
}  // namespace skipzoo::simd
