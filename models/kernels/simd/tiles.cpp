#include "models/kernels/simd/tiles.h"

#include "models/kernels/simd/processor.h"
#include "models/kernels/simd/row_loops.h"
#include "models/kernels/simd/rows_avx2.h"
#include "models/kernels/simd/rows_avx512.h"

namespace skipzoo::rows {

namespace {

template <typename Element>
SKIPZOO_INLINE void for_each_tile(const Element& element, int64_t rows,
                                  int64_t channels) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; c += kTileLanes) {
#pragma omp simd
      for (int64_t i = 0; i < kTileLanes; ++i) element(OneLane(), row, c + i);
    }
  }
}

#define SKIPZOO_EACH(...)                                             \
  SKIPZOO_CLONES void plain(const __VA_ARGS__& element, int64_t rows, \
                            int64_t channels) {                       \
    for_each_tile(element, rows, channels);                           \
  }
SKIPZOO_DATA_TILES(float, SKIPZOO_EACH)
SKIPZOO_DATA_TILES(double, SKIPZOO_EACH)
SKIPZOO_DATA_TILES(BFloat16, SKIPZOO_EACH)
SKIPZOO_ACCUMULATOR_TILES(float, SKIPZOO_EACH)
SKIPZOO_ACCUMULATOR_TILES(double, SKIPZOO_EACH)
#undef SKIPZOO_EACH

}  // namespace

#ifdef SKIPZOO_ROWS_AVX512
#define SKIPZOO_BY_AVX512 \
  if (has_avx512_bf16()) return avx512::each_tile(element, rows, channels);
#else
#define SKIPZOO_BY_AVX512
#endif
#ifdef SKIPZOO_ROWS_AVX2
#define SKIPZOO_BY_AVX2 \
  if (has_avx2()) return avx2::each_tile(element, rows, channels);
#else
#define SKIPZOO_BY_AVX2
#endif
#define SKIPZOO_PLAIN(...)                                                     \
  void each_tile(const __VA_ARGS__& element, int64_t rows, int64_t channels) { \
    plain(element, rows, channels);                                            \
  }
#define SKIPZOO_EACH(...)                                                      \
  void each_tile(const __VA_ARGS__& element, int64_t rows, int64_t channels) { \
    SKIPZOO_BY_AVX512                                                          \
    SKIPZOO_BY_AVX2                                                            \
    plain(element, rows, channels);                                            \
  }
SKIPZOO_DATA_TILES(float, SKIPZOO_EACH)
SKIPZOO_DATA_TILES(BFloat16, SKIPZOO_EACH)
SKIPZOO_ACCUMULATOR_TILES(float, SKIPZOO_EACH)
SKIPZOO_DATA_TILES(double, SKIPZOO_PLAIN)
SKIPZOO_ACCUMULATOR_TILES(double, SKIPZOO_PLAIN)

}  // namespace skipzoo::rows
