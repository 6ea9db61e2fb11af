#pragma once

#include <cstdint>

#include "models/kernels/simd/gemm.h"
#include "models/kernels/simd/generic/unroll.h"

// The micro-kernel of a matrix product: a register tile of kTileRows rows, or
// of gemm::kRows where no more are left, and up to three vectors of columns
// accumulates over the whole depth.
//
// G says how: Element of both matrices, Accumulator and Vector of the result,
// load(), store(), dot(sum, a, b) = sum + a · b; kTileRows; kHasTallTiles,
// where a tile of one vector may have twice the rows; and kLeastToPack,
// elements of b that are too many for L1, so that its panels are packed, or 0
// where L2 is near enough.

namespace skipzoo::simd {
namespace {

using gemm::Left;

template <typename G>
constexpr int64_t kLanesOf = sizeof(typename G::Vector) /
                             sizeof(typename G::Accumulator);

/// kRow: a.row, where the compiler may know it.
template <typename G, int kTileRows, int kVectors, int64_t kRow = 0>
[[gnu::always_inline]] inline void tile(Left<typename G::Element> a,
                                        const typename G::Element* b,
                                        int64_t step, int64_t columns,
                                        int64_t depth,
                                        typename G::Accumulator* c, bool add) {
  using Vector = typename G::Vector;
  constexpr int64_t kLanes = kLanesOf<G>;
  Vector accumulators[kTileRows][kVectors];
  unrolled<kTileRows>([&](auto i) __attribute__((always_inline)) {
    unrolled<kVectors>([&](auto v) __attribute__((always_inline)) {
      accumulators[i.value][v.value] =
          add ? G::load(c + i.value * columns + kLanes * v.value) : Vector{};
    });
  });
  for (int64_t k = 0; k < depth; ++k, b += step, a.at += a.column) {
    unrolled<kTileRows>([&](auto i) __attribute__((always_inline)) {
      unrolled<kVectors>([&](auto v) __attribute__((always_inline)) {
        auto& sum = accumulators[i.value][v.value];
        sum = G::dot(sum, a.at[i.value * (kRow > 0 ? kRow : a.row)],
                     b + kLanes * v.value);
      });
    });
  }
  unrolled<kTileRows>([&](auto i) __attribute__((always_inline)) {
    unrolled<kVectors>([&](auto v) __attribute__((always_inline)) {
      G::store(c + i.value * columns + kLanes * v.value,
               accumulators[i.value][v.value]);
    });
  });
}

/// Tiles of one vector and twice the rows, for else every multiplication waits
/// for one before it: as many rows as that are done. The compiler knows how far
/// they are apart: so many addresses would not find a register each.
template <typename G, int64_t kRow>
int64_t tall_tiles(Left<typename G::Element> a, const typename G::Element* b,
                   int64_t step, int64_t rows, int64_t columns, int64_t depth,
                   typename G::Accumulator* c, bool add) {
  constexpr int kTall = 2 * G::kTileRows;
  int64_t i = 0;
  for (; i + kTall <= rows; i += kTall) {
    tile<G, kTall, 1, kRow>({a.at + i * a.row, a.row, a.column}, b, step,
                            columns, depth, c + i * columns, add);
  }
  return i;
}

template <typename G, int kVectors>
void panel(Left<typename G::Element> a, const typename G::Element* b,
           int64_t step, int64_t rows, int64_t columns, int64_t depth,
           typename G::Accumulator* c, bool add) {
  int64_t i = 0;
  if constexpr (kVectors == 1 && G::kHasTallTiles) {
    // 16 channels, 32 and 64, of which pairs are half as many elements.
    const auto tall = a.row == 8    ? tall_tiles<G, 8>
                      : a.row == 16 ? tall_tiles<G, 16>
                      : a.row == 32 ? tall_tiles<G, 32>
                      : a.row == 64 ? tall_tiles<G, 64>
                                    : nullptr;
    if (tall != nullptr) i = tall(a, b, step, rows, columns, depth, c, add);
  }
  for (; i + G::kTileRows <= rows; i += G::kTileRows) {
    tile<G, G::kTileRows, kVectors>({a.at + i * a.row, a.row, a.column}, b,
                                    step, columns, depth, c + i * columns, add);
  }
  if (i < rows) {
    tile<G, gemm::kRows, kVectors>({a.at + i * a.row, a.row, a.column}, b, step,
                                   columns, depth, c + i * columns, add);
  }
}

/// Packs a panel of b, some of its depth at a time, so that it stays in L1:
/// rows a large stride apart would share a few cache sets.
template <typename G, int kVectors>
[[gnu::noinline]] void packed_panel(Left<typename G::Element> a,
                                    const typename G::Element* b, int64_t rows,
                                    int64_t columns, int64_t depth,
                                    typename G::Accumulator* c, bool add) {
  constexpr int64_t kWidth = kVectors * kLanesOf<G>, kDepth = 256;
  alignas(64) typename G::Element packed[kDepth * kWidth];
  for (int64_t k = 0; k < depth; k += kDepth) {
    const int64_t count = depth - k < kDepth ? depth - k : kDepth;
    for (int64_t i = 0; i < count; ++i) {
      __builtin_memcpy(packed + i * kWidth, b + (k + i) * columns,
                       kWidth * sizeof(typename G::Element));
    }
    panel<G, kVectors>({a.at + k * a.column, a.row, a.column}, packed, kWidth,
                       rows, columns, count, c, add || k > 0);
  }
}

template <typename G, int kVectors>
[[gnu::always_inline]] inline void any_panel(
    Left<typename G::Element> a, const typename G::Element* b, int64_t rows,
    int64_t columns, int64_t depth, typename G::Accumulator* c, bool add) {
  // With rows enough to pay for packing, and a large stride.
  constexpr int64_t kLeastColumns = 64, kLeastRows = 16;
  if (G::kLeastToPack > 0 && columns >= kLeastColumns && rows >= kLeastRows &&
      columns * depth >= G::kLeastToPack) {
    packed_panel<G, kVectors>(a, b, rows, columns, depth, c, add);
  } else {
    panel<G, kVectors>(a, b, columns, rows, columns, depth, c, add);
  }
}

/// See gemm::multiply().
template <typename G>
void multiply(Left<typename G::Element> a, const typename G::Element* b,
              int64_t rows, int64_t columns, int64_t depth,
              typename G::Accumulator* c, bool add) {
  constexpr int64_t kLanes = kLanesOf<G>;
  int64_t j = 0;
  // The last four as twice two: one alone is bound by FMA latency.
  for (; columns - j == 3 * kLanes || columns - j > 4 * kLanes;
       j += 3 * kLanes) {
    any_panel<G, 3>(a, b + j, rows, columns, depth, c + j, add);
  }
  for (; columns - j >= 2 * kLanes; j += 2 * kLanes) {
    any_panel<G, 2>(a, b + j, rows, columns, depth, c + j, add);
  }
  if (j < columns) {
    any_panel<G, 1>(a, b + j, rows, columns, depth, c + j, add);
  }
}

}  // namespace
}  // namespace skipzoo::simd
