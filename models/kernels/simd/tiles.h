#pragma once

#include "models/kernels/simd/loops.h"

namespace skipzoo::rows {

constexpr int64_t kTileLanes = 16;

/// Calls element(row, c) for rows of channels, a multiple of kTileLanes: one
/// of the transforms of winograd_elements.h.
template <typename Element>
void each_tile(const Element& element, int64_t rows, int64_t channels) {
  static_cast<const simd::EachTile<Element>&>(simd::loops())
      .each_tile(element, rows, channels);
}

}  // namespace skipzoo::rows
