// Compiled with AVX2 and FMA where the compiler has them
// (models/CMakeLists.txt) and called where the processor does: so nothing is
// included here whose inline functions other files share.
#include "models/kernels/simd/grouped_tiles.h"

#if defined(__AVX2__) && defined(__FMA__)

#include <immintrin.h>

namespace skipzoo::grouped {

namespace {

/// Accumulators at a time: enough to hide the latency of their additions, and
/// few enough for sixteen registers.
constexpr int kMostPixels = 12, kMostNarrow = 3;

/// Lanes of each half turned by so many: lane o is v[(o - kTurn) mod 4].
template <int kTurn>
inline __m256 turned(__m256 v) {
  constexpr int kImmediate = kTurn == 1 ? 0x93 : kTurn == 2 ? 0x4E : 0x39;
  return _mm256_permute_ps(v, kImmediate);
}

inline void finish(__m256 sum, const Row& row, int64_t pixel) {
  const int64_t at = pixel * row.to_step;
  if (row.bias != nullptr) sum = _mm256_add_ps(sum, _mm256_loadu_ps(row.bias));
  if (row.residual != nullptr) {
    sum = _mm256_add_ps(sum, _mm256_loadu_ps(row.residual + at));
  }
  // A NaN, the second operand, stays one.
  if (row.relu) sum = _mm256_max_ps(_mm256_setzero_ps(), sum);
  _mm256_storeu_ps(row.to + at, sum);
}

/// kPixels of the result from `first` on.
template <int kPixels, int kStep>
void wide_tile(const Row& row, int64_t first) {
  const float* from = row.from + first * kStep;
  __m256 sums[kPixels] = {};
  for (int64_t t = 0; t < row.tap_count; ++t) {
    const float* x = from + row.taps[t].offset;
    const float* weight = row.taps[t].weight;
    for (int64_t plane = 0; plane < row.planes; ++plane) {
#pragma GCC unroll 8
      for (int i = 0; i < kLanes; ++i) {
        const __m256 w = _mm256_loadu_ps(weight + i * kLanes);
#pragma GCC unroll 12
        for (int p = 0; p < kPixels; ++p) {
          sums[p] = _mm256_fmadd_ps(_mm256_broadcast_ss(x + p * kStep + i), w,
                                    sums[p]);
        }
      }
      x += row.plane;
      weight += kLanes * kLanes;
    }
  }
#pragma GCC unroll 12
  for (int p = 0; p < kPixels; ++p) finish(sums[p], row, first + p);
}

template <int kPixels, int kStep>
void narrow_tile(const Row& row, int64_t first) {
  const float* from = row.from + first * kStep;
  __m256 sums[kNarrow][kPixels] = {};
  for (int64_t t = 0; t < row.tap_count; ++t) {
    const float* x = from + row.taps[t].offset;
    const float* weight = row.taps[t].weight;
    __m256 pixels[kPixels];
#pragma GCC unroll 3
    for (int p = 0; p < kPixels; ++p)
      pixels[p] = _mm256_loadu_ps(x + p * kStep);
#pragma GCC unroll 4
    for (int turn = 0; turn < kNarrow; ++turn) {
      const __m256 w = _mm256_loadu_ps(weight + turn * kLanes);
#pragma GCC unroll 3
      for (int p = 0; p < kPixels; ++p) {
        sums[turn][p] = _mm256_fmadd_ps(pixels[p], w, sums[turn][p]);
      }
    }
  }
#pragma GCC unroll 3
  for (int p = 0; p < kPixels; ++p) {
    const __m256 even = _mm256_add_ps(sums[0][p], turned<2>(sums[2][p]));
    const __m256 odd =
        _mm256_add_ps(turned<1>(sums[1][p]), turned<3>(sums[3][p]));
    finish(_mm256_add_ps(even, odd), row, first + p);
  }
}

template <int kPixels, int kStep>
void wide_tile_of(int64_t pixels, const Row& row, int64_t first) {
  if (pixels == kPixels) return wide_tile<kPixels, kStep>(row, first);
  if constexpr (kPixels > 1)
    wide_tile_of<kPixels - 1, kStep>(pixels, row, first);
}

template <int kPixels, int kStep>
void narrow_tile_of(int64_t pixels, const Row& row, int64_t first) {
  if (pixels == kPixels) return narrow_tile<kPixels, kStep>(row, first);
  if constexpr (kPixels > 1) {
    narrow_tile_of<kPixels - 1, kStep>(pixels, row, first);
  }
}

template <int kStep>
void convolve(const Row& row, bool narrow) {
  // Tiles as equal as can be: of one pixel, most of the time would be latency.
  const int64_t most = narrow ? kMostNarrow : kMostPixels;
  const int64_t tiles = (row.pixels + most - 1) / most;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t first = row.pixels * tile / tiles;
    const int64_t pixels = row.pixels * (tile + 1) / tiles - first;
    if (narrow) {
      narrow_tile_of<kMostNarrow, kStep>(pixels, row, first);
    } else {
      wide_tile_of<kMostPixels, kStep>(pixels, row, first);
    }
  }
}

template <int kVectors>
void add_to(float* sums, const __m256 (&values)[kVectors]) {
  // Not unrolled, it would keep them in memory all along.
#pragma GCC unroll 12
  for (int v = 0; v < kVectors; ++v) {
    float* to = sums + v * kLanes;
    _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), values[v]));
  }
}

}  // namespace

bool has_avx2_tiles() { return true; }

void split_avx2(const Interleaved& row) {
  for (int64_t plane = 0; plane < row.planes; ++plane) {
    const float* from = row.from + plane * kLanes;
    float* to = row.to + plane * row.plane;
#pragma GCC unroll 4
    for (int64_t p = 0; p < row.pixels; ++p) {
      _mm256_storeu_ps(to + p * kLanes, _mm256_loadu_ps(from + p * row.step));
    }
  }
}

void convolve_avx2(const Row& row, bool narrow) {
  if (row.step == kLanes) {
    convolve<kLanes>(row, narrow);
  } else {
    convolve<2 * kLanes>(row, narrow);
  }
}

void weight_sums_avx2(const Pixels& all, float* sums) {
  __m256 values[kLanes] = {};
  for (int64_t row = 0; row < all.rows; ++row) {
    const float* x = all.x + row * all.x_row;
    const float* dy = all.dy + row * all.dy_row;
    for (int64_t p = 0; p < all.pixels; ++p, x += all.x_step, dy += kLanes) {
      const __m256 g = _mm256_loadu_ps(dy);
#pragma GCC unroll 8
      for (int i = 0; i < kLanes; ++i) {
        values[i] = _mm256_fmadd_ps(_mm256_broadcast_ss(x + i), g, values[i]);
      }
    }
  }
  add_to(sums, values);
}

void narrow_weight_sums_avx2(const Pixels& all, float* sums) {
  constexpr int kTaps = 3;
  __m256 values[kTaps * kNarrow] = {};
  for (int64_t row = 0; row < all.rows; ++row) {
    const float* x = all.x + row * all.x_row;
    const float* dy = all.dy + row * all.dy_row;
    for (int64_t p = 0; p < all.pixels; ++p, x += all.x_step, dy += kLanes) {
      const __m256 g = _mm256_loadu_ps(dy);
      // In the lane of the channel that is read, the gradient of the one that
      // is `turn` behind it.
      const __m256 turns[kNarrow] = {g, turned<3>(g), turned<2>(g),
                                     turned<1>(g)};
#pragma GCC unroll 3
      for (int tap = 0; tap < kTaps; ++tap) {
        const __m256 pixel = _mm256_loadu_ps(x + tap * kLanes);
#pragma GCC unroll 4
        for (int turn = 0; turn < kNarrow; ++turn) {
          auto& value = values[tap * kNarrow + turn];
          value = _mm256_fmadd_ps(pixel, turns[turn], value);
        }
      }
    }
  }
  add_to(sums, values);
}

}  // namespace skipzoo::grouped

#else

namespace skipzoo::grouped {

bool has_avx2_tiles() { return false; }
void split_avx2(const Interleaved&) {}
void convolve_avx2(const Row&, bool) {}
void weight_sums_avx2(const Pixels&, float*) {}
void narrow_weight_sums_avx2(const Pixels&, float*) {}

}  // namespace skipzoo::grouped

#endif
