#pragma once

#include "models/kernels/simd/generic/gemm_tiles.h"
#include "models/kernels/simd/generic/grouped_tiles.h"
#include "models/kernels/simd/generic/row_loops.h"
#include "models/kernels/simd/loops.h"

// Puts loops by some lanes into a table.

namespace skipzoo::simd {
namespace {

template <template <bool> class Lanes, typename... Element>
void set_each(Loops& table, rows::Elements<Element...>) {
  ((static_cast<Each<Element>&>(table).each = &each<Lanes, Element>), ...);
}
template <template <bool> class Lanes, typename... Element>
void set_sum(Loops& table, rows::Elements<Element...>) {
  ((static_cast<Sum<Element>&>(table).sum =
        &sum<Lanes, Element, typename Element::Sum>),
   ...);
}
template <template <bool> class Lanes, typename... Element>
void set_each_tile(Loops& table, rows::Elements<Element...>) {
  ((static_cast<EachTile<Element>&>(table).each_tile =
        &each_tile<Lanes, Element>),
   ...);
}

/// Loops over rows of T, and Winograd's transforms of it.
template <typename T, template <bool> class Lanes>
void set_rows(Loops& table) {
  set_each<Lanes>(table, rows::EachElements<T>());
  set_sum<Lanes>(table, rows::SumElements<T>());
  set_each_tile<Lanes>(table, rows::DataTileElements<T>());
}
/// Winograd's transforms of an accumulation type.
template <typename A, template <bool> class Lanes>
void set_accumulators(Loops& table) {
  set_each_tile<Lanes>(table, rows::AccumulatorTileElements<A>());
}

template <typename Lanes>
void set_grouped(Loops& table) {
  table.split = &split<Lanes>;
  table.convolve = &convolve<Lanes>;
  table.weight_sums = &weight_sums<Lanes>;
  table.narrow_weight_sums = &narrow_weight_sums<Lanes>;
}

}  // namespace
}  // namespace skipzoo::simd
