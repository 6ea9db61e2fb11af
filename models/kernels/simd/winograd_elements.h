#pragma once

#include "models/kernels/simd/elements.h"

// Winograd's transforms of one tile's channel, or of as many side by side as
// `lanes` holds: F(4x4, 3x3), Lavin & Gray 2015 (arXiv:1509.09308), section 4,
// with the interpolation points 0, ±5/8, ±3/2 and infinity. These lose a third
// of what the usual 0, ±1, ±2 lose (Barabasz et al. 2018, arXiv:1803.10986).
//
// In one dimension the result is Aᵀ (G g ∘ Bᵀ d) of the kernel g and the data
// d: Bᵀ and G transform to the Winograd domain, Aᵀ is the inverse transform.
// Their gradients take the transposed matrices. In two dimensions each is
// applied to the columns, then to the rows.

namespace skipzoo::rows {

/// Six values in the Winograd domain, by interpolation point: 0, a, -a, b, -b
/// and infinity.
template <typename V>
struct Transformed {
  V zero, a, minus_a, b, minus_b, infinity;
};
template <typename V>
Transformed(V, V, V, V, V, V) -> Transformed<V>;
template <typename V>
struct Three {
  V v0, v1, v2;
};
template <typename V>
Three(V, V, V) -> Three<V>;
template <typename V>
struct Four {
  V v0, v1, v2, v3;
};
template <typename V>
Four(V, V, V, V) -> Four<V>;

/// The interpolation points and their powers, in the accumulation type.
template <typename A>
struct InterpolationPoints {
  static constexpr A a = A(5) / 8, a2 = a * a, a3 = a2 * a;
  static constexpr A b = A(3) / 2, b2 = b * b, b3 = b2 * b;
  /// One by the product of a point's differences from all others: of zero, of
  /// either a and of either b.
  static constexpr A of_zero = 1 / (a2 * b2);
  static constexpr A of_a = 1 / (2 * a2 * (a2 - b2));
  static constexpr A of_b = 1 / (2 * b2 * (b2 - a2));
};

/// Bᵀ d. A is the type of the elements that V holds.
template <typename A, typename V>
[[gnu::always_inline]] inline Transformed<V> data_transform(V d0, V d1, V d2,
                                                            V d3, V d4, V d5) {
  using P = InterpolationPoints<A>;
  const V even_a = d4 - P::b2 * d2, odd_a = P::a * (d3 - P::b2 * d1);
  const V even_b = d4 - P::a2 * d2, odd_b = P::b * (d3 - P::a2 * d1);
  return {d4 - (P::a2 + P::b2) * d2 + P::a2 * P::b2 * d0,
          even_a + odd_a,
          even_a - odd_a,
          even_b + odd_b,
          even_b - odd_b,
          d5 - (P::a2 + P::b2) * d3 + P::a2 * P::b2 * d1};
}

/// G g.
template <typename A, typename V>
[[gnu::always_inline]] inline Transformed<V> kernel_transform(
    const Three<V>& g) {
  using P = InterpolationPoints<A>;
  const V e_a = P::of_a * g.v0 + P::a2 * P::of_a * g.v2,
          o_a = P::a * P::of_a * g.v1;
  const V e_b = P::of_b * g.v0 + P::b2 * P::of_b * g.v2,
          o_b = P::b * P::of_b * g.v1;
  return {P::of_zero * g.v0, e_a + o_a, e_a - o_a, e_b + o_b, e_b - o_b, g.v2};
}

/// Aᵀ m.
template <typename A, typename V>
[[gnu::always_inline]] inline Four<V> inverse_transform(
    const Transformed<V>& m) {
  using P = InterpolationPoints<A>;
  const V even_a = m.a + m.minus_a, odd_a = m.a - m.minus_a;
  const V even_b = m.b + m.minus_b, odd_b = m.b - m.minus_b;
  return {m.zero + even_a + even_b, P::a * odd_a + P::b * odd_b,
          P::a2 * even_a + P::b2 * even_b,
          P::a3 * odd_a + P::b3 * odd_b + m.infinity};
}

/// A y, the transposed of inverse_transform().
template <typename A, typename V>
[[gnu::always_inline]] inline Transformed<V> gradient_transform(
    const Four<V>& y) {
  using P = InterpolationPoints<A>;
  const V even_a = y.v0 + P::a2 * y.v2, odd_a = P::a * y.v1 + P::a3 * y.v3;
  const V even_b = y.v0 + P::b2 * y.v2, odd_b = P::b * y.v1 + P::b3 * y.v3;
  return {y.v0,           even_a + odd_a, even_a - odd_a,
          even_b + odd_b, even_b - odd_b, y.v3};
}

/// Gᵀ u, the transposed of kernel_transform().
template <typename A, typename V>
[[gnu::always_inline]] inline Three<V> kernel_gradient_transform(
    const Transformed<V>& u) {
  using P = InterpolationPoints<A>;
  const V even_a = P::of_a * (u.a + u.minus_a),
          odd_a = P::of_a * (u.a - u.minus_a);
  const V even_b = P::of_b * (u.b + u.minus_b),
          odd_b = P::of_b * (u.b - u.minus_b);
  return {P::of_zero * u.zero + even_a + even_b, P::a * odd_a + P::b * odd_b,
          P::a2 * even_a + P::b2 * even_b + u.infinity};
}

/// Tiles in the Winograd domain as 36 matrices, one for each element of a tile,
/// element (6 y + x): a row is a tile (or a kernel's), a column a channel.
template <typename A>
struct WinogradMatrices {
  A* first;
  int64_t matrix_stride;
  int64_t row_stride;

  [[gnu::always_inline]] A* at(int64_t element, int64_t row, int64_t c) const {
    return first + element * matrix_stride + row * row_stride + c;
  }
  template <typename Lanes, typename V>
  [[gnu::always_inline]] void store(Lanes lanes, int64_t y, int64_t row,
                                    int64_t c, const Transformed<V>& v) const {
    lanes.store(v.zero, at(6 * y, row, c));
    lanes.store(v.a, at(6 * y + 1, row, c));
    lanes.store(v.minus_a, at(6 * y + 2, row, c));
    lanes.store(v.b, at(6 * y + 3, row, c));
    lanes.store(v.minus_b, at(6 * y + 4, row, c));
    lanes.store(v.infinity, at(6 * y + 5, row, c));
  }
  /// A column of a tile.
  template <typename Lanes>
  [[gnu::always_inline]] auto load(Lanes lanes, int64_t column, int64_t row,
                                   int64_t c) const {
    return Transformed{lanes.load(at(column, row, c)),
                       lanes.load(at(column + 6, row, c)),
                       lanes.load(at(column + 12, row, c)),
                       lanes.load(at(column + 18, row, c)),
                       lanes.load(at(column + 24, row, c)),
                       lanes.load(at(column + 30, row, c))};
  }
};

/// Transforms the rows of a tile whose columns are transformed already.
/// transform takes one value of each column.
template <typename Lanes, typename A, typename Transform, typename... Columns>
[[gnu::always_inline]] inline void store_rows(Lanes lanes,
                                              const WinogradMatrices<A>& to,
                                              int64_t row, int64_t c,
                                              const Transform& transform,
                                              const Columns&... columns) {
  to.store(lanes, 0, row, c, transform(columns.zero...));
  to.store(lanes, 1, row, c, transform(columns.a...));
  to.store(lanes, 2, row, c, transform(columns.minus_a...));
  to.store(lanes, 3, row, c, transform(columns.b...));
  to.store(lanes, 4, row, c, transform(columns.minus_b...));
  to.store(lanes, 5, row, c, transform(columns.infinity...));
}

/// Tiles beside each other in rows of pixels. Tile 0's pixel (0, 0) is the
/// first.
template <typename T>
struct TilePixels {
  T* first;
  int64_t line_stride, pixel_stride;

  [[gnu::always_inline]] T* at(int64_t tile, int64_t y, int64_t x,
                               int64_t c) const {
    return first + y * line_stride + (4 * tile + x) * pixel_stride + c;
  }
};

/// Bᵀ d B: six by six pixels, the first tile's from (-1, -1) on, to the
/// Winograd domain.
template <typename T>
struct DataTiles {
  TilePixels<const T> x;
  WinogradMatrices<Acc<T>> v;

  template <typename Lanes>
  [[gnu::always_inline]] void operator()(Lanes lanes, int64_t tile,
                                         int64_t c) const {
    using A = Acc<T>;
    const auto column = [&](int64_t i) {
      return data_transform<A>(
          lanes.load(x.at(tile, 0, i, c)), lanes.load(x.at(tile, 1, i, c)),
          lanes.load(x.at(tile, 2, i, c)), lanes.load(x.at(tile, 3, i, c)),
          lanes.load(x.at(tile, 4, i, c)), lanes.load(x.at(tile, 5, i, c)));
    };
    const auto l0 = column(0), l1 = column(1), l2 = column(2), l3 = column(3),
               l4 = column(4), l5 = column(5);
    store_rows(
        lanes, v, tile, c,
        [](const auto&... line) { return data_transform<A>(line...); }, l0, l1,
        l2, l3, l4, l5);
  }
};

/// A y Aᵀ: four by four pixels of a result's gradient to the Winograd domain.
template <typename T>
struct GradientTiles {
  TilePixels<const T> dy;
  WinogradMatrices<Acc<T>> m;

  template <typename Lanes>
  [[gnu::always_inline]] void operator()(Lanes lanes, int64_t tile,
                                         int64_t c) const {
    using A = Acc<T>;
    const auto column = [&](int64_t i) {
      return gradient_transform<A>(Four{
          lanes.load(dy.at(tile, 0, i, c)), lanes.load(dy.at(tile, 1, i, c)),
          lanes.load(dy.at(tile, 2, i, c)), lanes.load(dy.at(tile, 3, i, c))});
    };
    const auto l0 = column(0), l1 = column(1), l2 = column(2), l3 = column(3);
    store_rows(
        lanes, m, tile, c,
        [](const auto&... line) {
          return gradient_transform<A>(Four{line...});
        },
        l0, l1, l2, l3);
  }
};

/// Aᵀ m A, the inverse transform: to four by four pixels of the result.
template <typename A>
struct ResultTiles {
  WinogradMatrices<A> m;
  TilePixels<A> y;

  template <typename Lanes>
  [[gnu::always_inline]] void operator()(Lanes lanes, int64_t tile,
                                         int64_t c) const {
    const auto column = [&](int64_t i) {
      return inverse_transform<A>(m.load(lanes, i, tile, c));
    };
    const auto l0 = column(0), l1 = column(1), l2 = column(2), l3 = column(3),
               l4 = column(4), l5 = column(5);
    const auto store = [&](int64_t line, const auto& at) {
      const auto v = inverse_transform<A>(at);
      lanes.store(v.v0, y.at(tile, line, 0, c));
      lanes.store(v.v1, y.at(tile, line, 1, c));
      lanes.store(v.v2, y.at(tile, line, 2, c));
      lanes.store(v.v3, y.at(tile, line, 3, c));
    };
    store(0, Transformed{l0.v0, l1.v0, l2.v0, l3.v0, l4.v0, l5.v0});
    store(1, Transformed{l0.v1, l1.v1, l2.v1, l3.v1, l4.v1, l5.v1});
    store(2, Transformed{l0.v2, l1.v2, l2.v2, l3.v2, l4.v2, l5.v2});
    store(3, Transformed{l0.v3, l1.v3, l2.v3, l3.v3, l4.v3, l5.v3});
  }
};

/// Of a type of data.
template <typename T>
using DataTileElements = Elements<DataTiles<T>, GradientTiles<T>>;
}  // namespace skipzoo::rows
