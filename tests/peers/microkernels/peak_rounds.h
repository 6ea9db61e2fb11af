#pragma once

#include <cstdint>

#include "models/kernels/simd/lanes_plain.h"

namespace skipzoo {
namespace {

/// Sums in twelve vectors, none of which waits for another. Each begins at
/// another number, or a compiler takes all of them for one, and none at 1,
/// where it sees that they stay. sink: so that it cannot leave them out.
template <int kLanes>
int64_t multiply_add_rounds(int64_t rounds, float* sink) {
  using Vector = typename simd::VectorOf<float, kLanes>::Type;
  constexpr int kVectors = 12;
  const Vector a = Vector{} + 0.999F, b = Vector{} + 0.001F;
  Vector sums[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    sums[v] = Vector{} + static_cast<float>(v + 2);
  }
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int v = 0; v < kVectors; ++v) sums[v] = sums[v] * a + b;
  }
  for (int v = 0; v < kVectors; ++v) *sink += sums[v][0];
  return int64_t{kVectors} * kLanes;
}

}  // namespace
}  // namespace skipzoo
