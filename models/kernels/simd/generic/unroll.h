#pragma once

// Everything in generic/ and in lanes_*.h is in unnamed namespaces: each
// instruction set's file has its own, and none of it ends up where a processor
// without those instructions would run it.

namespace skipzoo::simd {
namespace {

/// A number that is known when the code is compiled.
template <int I>
struct Index {
  static constexpr int value = I;
};

/// body(Index<0>()), body(Index<1>()) … body(Index<kCount - 1>()).
template <int kCount, int kFirst = 0, typename Body>
[[gnu::always_inline]] inline void unrolled(const Body& body) {
  if constexpr (kFirst < kCount) {
    body(Index<kFirst>());
    unrolled<kCount, kFirst + 1>(body);
  }
}

}  // namespace
}  // namespace skipzoo::simd
