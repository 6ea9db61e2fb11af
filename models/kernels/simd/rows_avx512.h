#pragma once

#include "models/kernels/simd/row_elements.h"
#include "models/kernels/simd/tile_elements.h"

// The loops of rows.h by intrinsics, for processors of which processor.h says
// has_avx512_bf16(): there up to four times as fast as what a compiler makes of
// the plain ones, partly by prefetching.

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SKIPZOO_ROWS_AVX512 1
#endif

namespace skipzoo::rows::avx512 {

#define SKIPZOO_EACH(...) \
  void each(const __VA_ARGS__& element, int64_t count, int64_t channels);
#define SKIPZOO_SUM(...)                                                \
  void sum(const __VA_ARGS__& element, int64_t count, int64_t channels, \
           float* first, float* second);
SKIPZOO_ELEMENTS(float, SKIPZOO_EACH, SKIPZOO_SUM)
SKIPZOO_ELEMENTS(c10::BFloat16, SKIPZOO_EACH, SKIPZOO_SUM)
#undef SKIPZOO_EACH
#undef SKIPZOO_SUM

#define SKIPZOO_EACH(...) \
  void each_tile(const __VA_ARGS__& element, int64_t rows, int64_t channels);
SKIPZOO_DATA_TILES(float, SKIPZOO_EACH)
SKIPZOO_DATA_TILES(c10::BFloat16, SKIPZOO_EACH)
SKIPZOO_ACCUMULATOR_TILES(float, SKIPZOO_EACH)
#undef SKIPZOO_EACH

void interleave(const c10::BFloat16* x, int64_t pairs, int64_t channels,
                uint32_t* to);

}  // namespace skipzoo::rows::avx512
