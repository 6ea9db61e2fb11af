#pragma once

#include <cstdint>

#include "models/kernels/simd/generic/unroll.h"
#include "models/kernels/simd/grouped_tiles.h"

// The inner loops of grouped_tiles.h. Lanes are eight floats: Vector, load(),
// store(), broadcast(), add(), multiply_add(a, b, sum) = a · b + sum,
// above_zero() and turned<k>(), in each half lane o from lane o - k.

namespace skipzoo::simd {
namespace {

using grouped::kNarrow;
using grouped::Pixels;
using grouped::Row;

/// Accumulators at a time: enough to hide the latency of their additions, and
/// few enough for sixteen registers.
constexpr int kMostPixels = 12, kMostNarrowPixels = 3;

template <typename Lanes>
[[gnu::always_inline]] inline void finish(typename Lanes::Vector sum,
                                          const Row& row, int64_t pixel) {
  const int64_t at = pixel * row.to_step;
  if (row.bias != nullptr) sum = Lanes::add(sum, Lanes::load(row.bias));
  if (row.residual != nullptr) {
    sum = Lanes::add(sum, Lanes::load(row.residual + at));
  }
  if (row.relu) sum = Lanes::above_zero(sum);
  Lanes::store(sum, row.to + at);
}

/// kPixels of the result from `first` on.
template <typename Lanes, int kPixels, int kStep>
void wide_tile(const Row& row, int64_t first) {
  const float* from = row.from + first * kStep;
  typename Lanes::Vector sums[kPixels] = {};
  for (int64_t t = 0; t < row.tap_count; ++t) {
    const float* x = from + row.taps[t].offset;
    const float* weight = row.taps[t].weight;
    for (int64_t plane = 0; plane < row.planes; ++plane) {
      unrolled<grouped::kLanes>([&](auto i) __attribute__((always_inline)) {
        const auto w = Lanes::load(weight + i.value * grouped::kLanes);
        unrolled<kPixels>([&](auto p) __attribute__((always_inline)) {
          sums[p.value] = Lanes::multiply_add(
              Lanes::broadcast(x + p.value * kStep + i.value), w,
              sums[p.value]);
        });
      });
      x += row.plane;
      weight += grouped::kLanes * grouped::kLanes;
    }
  }
  unrolled<kPixels>([&](auto p) __attribute__((always_inline)) {
    finish<Lanes>(sums[p.value], row, first + p.value);
  });
}

template <typename Lanes, int kPixels, int kStep>
void narrow_tile(const Row& row, int64_t first) {
  using Vector = typename Lanes::Vector;
  const float* from = row.from + first * kStep;
  Vector sums[kNarrow][kPixels] = {};
  for (int64_t t = 0; t < row.tap_count; ++t) {
    const float* x = from + row.taps[t].offset;
    const float* weight = row.taps[t].weight;
    Vector pixels[kPixels];
    unrolled<kPixels>([&](auto p) __attribute__((always_inline)) {
      pixels[p.value] = Lanes::load(x + p.value * kStep);
    });
    unrolled<kNarrow>([&](auto turn) __attribute__((always_inline)) {
      const auto w = Lanes::load(weight + turn.value * grouped::kLanes);
      unrolled<kPixels>([&](auto p) __attribute__((always_inline)) {
        auto& sum = sums[turn.value][p.value];
        sum = Lanes::multiply_add(pixels[p.value], w, sum);
      });
    });
  }
  unrolled<kPixels>([&](auto pixel) __attribute__((always_inline)) {
    constexpr int p = decltype(pixel)::value;
    const auto even =
        Lanes::add(sums[0][p], Lanes::template turned<2>(sums[2][p]));
    const auto odd = Lanes::add(Lanes::template turned<1>(sums[1][p]),
                                Lanes::template turned<3>(sums[3][p]));
    finish<Lanes>(Lanes::add(even, odd), row, first + p);
  });
}

template <typename Lanes, int kPixels, int kStep>
void wide_tile_of(int64_t pixels, const Row& row, int64_t first) {
  if (pixels == kPixels) return wide_tile<Lanes, kPixels, kStep>(row, first);
  if constexpr (kPixels > 1) {
    wide_tile_of<Lanes, kPixels - 1, kStep>(pixels, row, first);
  }
}

template <typename Lanes, int kPixels, int kStep>
void narrow_tile_of(int64_t pixels, const Row& row, int64_t first) {
  if (pixels == kPixels) return narrow_tile<Lanes, kPixels, kStep>(row, first);
  if constexpr (kPixels > 1) {
    narrow_tile_of<Lanes, kPixels - 1, kStep>(pixels, row, first);
  }
}

template <typename Lanes, int kStep>
void convolve_row(const Row& row, bool narrow) {
  // Tiles as equal as can be: of one pixel, most of the time would be latency.
  const int64_t most = narrow ? kMostNarrowPixels : kMostPixels;
  const int64_t tiles = (row.pixels + most - 1) / most;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t first = row.pixels * tile / tiles;
    const int64_t pixels = row.pixels * (tile + 1) / tiles - first;
    if (narrow) {
      narrow_tile_of<Lanes, kMostNarrowPixels, kStep>(pixels, row, first);
    } else {
      wide_tile_of<Lanes, kMostPixels, kStep>(pixels, row, first);
    }
  }
}

template <typename Lanes>
void convolve(const Row& row, bool narrow) {
  if (row.step == grouped::kLanes) {
    convolve_row<Lanes, grouped::kLanes>(row, narrow);
  } else {
    convolve_row<Lanes, 2 * grouped::kLanes>(row, narrow);
  }
}

template <typename Lanes>
void split(const grouped::Interleaved& row) {
  for (int64_t plane = 0; plane < row.planes; ++plane) {
    const float* from = row.from + plane * grouped::kLanes;
    float* to = row.to + plane * row.plane;
    for (int64_t p = 0; p < row.pixels; ++p) {
      Lanes::store(Lanes::load(from + p * row.step), to + p * grouped::kLanes);
    }
  }
}

template <typename Lanes, int kVectors>
[[gnu::always_inline]] inline void add_to_sums(
    float* sums, const typename Lanes::Vector (&values)[kVectors]) {
  unrolled<kVectors>([&](auto v) __attribute__((always_inline)) {
    float* to = sums + v.value * grouped::kLanes;
    Lanes::store(Lanes::add(Lanes::load(to), values[v.value]), to);
  });
}

template <typename Lanes>
void weight_sums(const Pixels& all, float* sums) {
  typename Lanes::Vector values[grouped::kLanes] = {};
  for (int64_t row = 0; row < all.rows; ++row) {
    const float* x = all.x + row * all.x_row;
    const float* dy = all.dy + row * all.dy_row;
    for (int64_t p = 0; p < all.pixels;
         ++p, x += all.x_step, dy += grouped::kLanes) {
      const auto g = Lanes::load(dy);
      unrolled<grouped::kLanes>([&](auto i) __attribute__((always_inline)) {
        values[i.value] = Lanes::multiply_add(Lanes::broadcast(x + i.value), g,
                                              values[i.value]);
      });
    }
  }
  add_to_sums<Lanes>(sums, values);
}

template <typename Lanes>
void narrow_weight_sums(const Pixels& all, float* sums) {
  using Vector = typename Lanes::Vector;
  constexpr int kTaps = 3;
  Vector values[kTaps * kNarrow] = {};
  for (int64_t row = 0; row < all.rows; ++row) {
    const float* x = all.x + row * all.x_row;
    const float* dy = all.dy + row * all.dy_row;
    for (int64_t p = 0; p < all.pixels;
         ++p, x += all.x_step, dy += grouped::kLanes) {
      const Vector g = Lanes::load(dy);
      // In the lane of the channel that is read, the gradient of the one that
      // is `turn` behind it.
      const Vector turns[kNarrow] = {g, Lanes::template turned<3>(g),
                                     Lanes::template turned<2>(g),
                                     Lanes::template turned<1>(g)};
      unrolled<kTaps>([&](auto tap) __attribute__((always_inline)) {
        const auto pixel = Lanes::load(x + tap.value * grouped::kLanes);
        unrolled<kNarrow>([&](auto turn) __attribute__((always_inline)) {
          auto& value = values[tap.value * kNarrow + turn.value];
          value = Lanes::multiply_add(pixel, turns[turn.value], value);
        });
      });
    }
  }
  add_to_sums<Lanes>(sums, values);
}

}  // namespace
}  // namespace skipzoo::simd
