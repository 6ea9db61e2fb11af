#pragma once

#include "models/kernels/simd/winograd_elements.h"

// Winograd's transforms of kernels; see winograd_elements.h.

namespace skipzoo::rows {

/// G g Gᵀ: kernels, tap by tap, to the Winograd domain.
template <typename A>
struct KernelTiles {
  const A* taps;
  int64_t tap_stride, row_stride;
  WinogradMatrices<A> u;

  template <typename Lanes>
  [[gnu::always_inline]] void operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    const auto tap = [&](int64_t i) {
      return lanes.load(taps + i * tap_stride + row * row_stride + c);
    };
    const auto l0 = kernel_transform<A>(Three{tap(0), tap(3), tap(6)});
    const auto l1 = kernel_transform<A>(Three{tap(1), tap(4), tap(7)});
    const auto l2 = kernel_transform<A>(Three{tap(2), tap(5), tap(8)});
    store_rows(
        lanes, u, row, c,
        [](const auto&... line) { return kernel_transform<A>(Three{line...}); },
        l0, l1, l2);
  }
};

/// Gᵀ u G: from the Winograd domain to the gradients of kernels, tap by tap.
template <typename A>
struct KernelGradientTiles {
  WinogradMatrices<A> u;
  A* taps;
  int64_t tap_stride, row_stride;

  template <typename Lanes>
  [[gnu::always_inline]] void operator()(Lanes lanes, int64_t row,
                                         int64_t c) const {
    const auto column = [&](int64_t i) {
      return kernel_gradient_transform<A>(u.load(lanes, i, row, c));
    };
    const auto l0 = column(0), l1 = column(1), l2 = column(2), l3 = column(3),
               l4 = column(4), l5 = column(5);
    const auto store = [&](int64_t line, const auto& at) {
      const auto v = kernel_gradient_transform<A>(at);
      A* to = taps + 3 * line * tap_stride + row * row_stride + c;
      lanes.store(v.v0, to);
      lanes.store(v.v1, to + tap_stride);
      lanes.store(v.v2, to + 2 * tap_stride);
    };
    store(0, Transformed{l0.v0, l1.v0, l2.v0, l3.v0, l4.v0, l5.v0});
    store(1, Transformed{l0.v1, l1.v1, l2.v1, l3.v1, l4.v1, l5.v1});
    store(2, Transformed{l0.v2, l1.v2, l2.v2, l3.v2, l4.v2, l5.v2});
  }
};

/// Of an accumulation type.
template <typename A>
using AccumulatorTileElements =
    Elements<ResultTiles<A>, KernelTiles<A>, KernelGradientTiles<A>>;

}  // namespace skipzoo::rows
