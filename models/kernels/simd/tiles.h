#pragma once

#include "models/kernels/simd/tile_elements.h"

namespace skipzoo::rows {

/// Calls element(row, c) for rows of channels, a multiple of kTileLanes: one
/// of the transforms of tile_elements.h.
constexpr int64_t kTileLanes = 16;
#define SKIPZOO_EACH(...) \
  void each_tile(const __VA_ARGS__& element, int64_t rows, int64_t channels);
SKIPZOO_DATA_TILES(float, SKIPZOO_EACH)
SKIPZOO_DATA_TILES(double, SKIPZOO_EACH)
SKIPZOO_DATA_TILES(c10::BFloat16, SKIPZOO_EACH)
SKIPZOO_ACCUMULATOR_TILES(float, SKIPZOO_EACH)
SKIPZOO_ACCUMULATOR_TILES(double, SKIPZOO_EACH)
#undef SKIPZOO_EACH

}  // namespace skipzoo::rows
