#pragma once

#include <cstdint>

#include "models/kernels/simd/elements.h"

// Lanes that any processor has: vectors as GCC and Clang know them, without a
// single intrinsic. A compiler makes of them what its target has.

namespace skipzoo::simd {
namespace {

using rows::Bf16;

/// kCount elements side by side, anywhere in memory.
template <typename E, int kCount>
struct VectorOf {
  typedef E Type __attribute__((vector_size(sizeof(E) * kCount)));
  typedef E Unaligned __attribute__((vector_size(sizeof(E) * kCount),
                                     aligned(alignof(E)), may_alias));
};

/// The first `count` of kCount elements, or all of them, of A: float or double.
template <typename A, int kCount, bool kWhole>
struct PlainLanes {
  static constexpr int64_t kLanes = kCount;
  /// Channels whose sums are kept in registers; see generic/row_loops.h.
  static constexpr int64_t kMostByColumns = 48;
  using Value = typename VectorOf<A, kCount>::Type;

  int64_t count;
  int64_t ahead;  ///< Unused: what to prefetch is a processor's own.

  [[gnu::always_inline]] static PlainLanes of(int64_t count, int64_t ahead) {
    return {count, ahead};
  }

  [[gnu::always_inline]] Value load(const A* x) const { return get<A>(x); }
  [[gnu::always_inline]] Value load(const Bf16* x) const {
    using Bits = typename VectorOf<uint32_t, kCount>::Type;
    const auto wide = __builtin_convertvector(get<Bf16>(x), Bits);
    return reinterpret_cast<Value>(wide << 16);
  }
  template <typename T>
  [[gnu::always_inline]] Value load(const T* x, int64_t stride, int64_t row,
                                    int64_t c) const {
    return load(x + row * stride + c);
  }
  [[gnu::always_inline]] void store(Value v, A* to) const { put<A>(v, to); }
  /// Rounds to nearest, halves to even; a NaN stays one.
  [[gnu::always_inline]] void store(Value v, Bf16* to) const {
    using Bits = typename VectorOf<uint32_t, kCount>::Type;
    const Bits wide = reinterpret_cast<Bits>(v);
    const Bits rounded = (wide + 0x7FFF + (wide >> 16 & 1)) >> 16;
    const Bits is_number = reinterpret_cast<Bits>(v == v);
    const Bits all = (rounded & is_number) | (0x7FC0 & ~is_number);
    put<Bf16>(
        __builtin_convertvector(all, typename VectorOf<Bf16, kCount>::Type),
        to);
  }
  template <typename T>
  [[gnu::always_inline]] void copy(const T* x, int64_t stride, int64_t row,
                                   int64_t c, T* to) const {
    put<T>(get<T>(x + row * stride + c), to);
  }
  /// A NaN stays one.
  [[gnu::always_inline]] Value at_least(Value v, A floor) const {
    return v <= floor ? Value{} + floor : v;
  }
  [[gnu::always_inline]] Value larger(Value a, Value b) const {
    return ((a >= b) | (a != a)) ? a : b;
  }
  [[gnu::always_inline]] Value where_positive(Value v, Value g) const {
    return v > 0 ? g : Value{};
  }

 private:
  template <typename E>
  [[gnu::always_inline]] typename VectorOf<E, kCount>::Type get(
      const E* x) const {
    if constexpr (kWhole) {
      return *reinterpret_cast<const typename VectorOf<E, kCount>::Unaligned*>(
          x);
    } else {
      typename VectorOf<E, kCount>::Type v = {};
      for (int64_t i = 0; i < count; ++i) v[i] = x[i];
      return v;
    }
  }
  template <typename E>
  [[gnu::always_inline]] void put(typename VectorOf<E, kCount>::Type v,
                                  E* to) const {
    if constexpr (kWhole) {
      *reinterpret_cast<typename VectorOf<E, kCount>::Unaligned*>(to) = v;
    } else {
      for (int64_t i = 0; i < count; ++i) to[i] = v[i];
    }
  }
};

/// Of 16 bytes, which every processor has.
template <bool kWhole>
using PlainFloats = PlainLanes<float, 4, kWhole>;
template <bool kWhole>
using PlainDoubles = PlainLanes<double, 2, kWhole>;

/// A micro-kernel of generic/gemm_tiles.h.
template <typename E>
struct PlainGemm {
  using Element = E;
  using Accumulator = E;
  using Lanes = PlainLanes<E, 16 / sizeof(E), true>;
  using Vector = typename Lanes::Value;
  static constexpr int kTileRows = 4, kLeastToPack = 0;
  static constexpr bool kHasTallTiles = false;

  [[gnu::always_inline]] static Vector load(const E* x) {
    return Lanes().load(x);
  }
  [[gnu::always_inline]] static void store(E* x, Vector v) {
    Lanes().store(v, x);
  }
  [[gnu::always_inline]] static Vector dot(Vector sum, E a, const E* b) {
    return sum + a * load(b);
  }
};

/// Of pairs of bfloat16, the first in the lower half.
struct PlainGemmOfPairs : PlainGemm<float> {
  using Element = uint32_t;
  using Bits = typename VectorOf<uint32_t, 4>::Type;

  [[gnu::always_inline]] static Vector first(Bits pairs) {
    return reinterpret_cast<Vector>(pairs << 16);
  }
  [[gnu::always_inline]] static Vector second(Bits pairs) {
    return reinterpret_cast<Vector>(pairs & 0xFFFF0000U);
  }
  [[gnu::always_inline]] static Vector dot(Vector sum, uint32_t a,
                                           const uint32_t* b) {
    const Bits left = Bits{} + a;
    const Bits right =
        *reinterpret_cast<const typename VectorOf<uint32_t, 4>::Unaligned*>(b);
    return sum + (first(left) * first(right) + second(left) * second(right));
  }
};

/// Eight lanes of generic/grouped_tiles.h, as two vectors.
struct PlainGrouped {
  using Half = PlainFloats<true>;
  struct Vector {
    Half::Value low, high;
  };

  [[gnu::always_inline]] static Vector load(const float* x) {
    return {Half().load(x), Half().load(x + 4)};
  }
  [[gnu::always_inline]] static void store(Vector v, float* to) {
    Half().store(v.low, to);
    Half().store(v.high, to + 4);
  }
  [[gnu::always_inline]] static Vector broadcast(const float* x) {
    return {Half::Value{} + *x, Half::Value{} + *x};
  }
  [[gnu::always_inline]] static Vector add(Vector a, Vector b) {
    return {a.low + b.low, a.high + b.high};
  }
  [[gnu::always_inline]] static Vector multiply_add(Vector a, Vector b,
                                                    Vector sum) {
    return {a.low * b.low + sum.low, a.high * b.high + sum.high};
  }
  [[gnu::always_inline]] static Vector above_zero(Vector v) {
    return {Half().at_least(v.low, 0), Half().at_least(v.high, 0)};
  }
  template <int kTurn>
  [[gnu::always_inline]] static Vector turned(Vector v) {
    return {turned_half<kTurn>(v.low), turned_half<kTurn>(v.high)};
  }

 private:
  template <int kTurn>
  [[gnu::always_inline]] static Half::Value turned_half(Half::Value v) {
    return Half::Value{v[(4 - kTurn) % 4], v[(5 - kTurn) % 4],
                       v[(6 - kTurn) % 4], v[(7 - kTurn) % 4]};
  }
};

}  // namespace
}  // namespace skipzoo::simd
