#pragma once

#include "models/kernels/row_elements.h"

// Winograd's transforms of one tile's channel, or of as many side by side as
// `lanes` holds: F(4x4, 3x3), Lavin & Gray 2015 (arXiv:1509.09308), section 4,
// with the points 0, ±5/8, ±3/2 and infinity. These lose a third of what the
// usual 0, ±1, ±2 lose (Barabasz et al. 2018, arXiv:1803.10986).
//
// A line of the result is Aᵀ (G g ∘ Bᵀ d) of the kernel g and the data d; what
// goes back to d and g goes through the transposed.

namespace skipzoo::rows {

/// Values at the points 0, a, -a, b, -b and infinity.
template <typename V>
struct AtPoints {
  V zero, a, minus_a, b, minus_b, infinity;
};
template <typename V>
struct Three {
  V v0, v1, v2;
};
template <typename V>
struct Four {
  V v0, v1, v2, v3;
};

/// The points and their powers in the type of sums.
template <typename A>
struct Points {
  static constexpr A a = A(5) / 8, a2 = a * a, a3 = a2 * a;
  static constexpr A b = A(3) / 2, b2 = b * b, b3 = b2 * b;
  /// One by the product of a point's differences from all others: of zero, of
  /// either a and of either b.
  static constexpr A of_zero = 1 / (a2 * b2);
  static constexpr A of_a = 1 / (2 * a2 * (a2 - b2));
  static constexpr A of_b = 1 / (2 * b2 * (b2 - a2));
};

/// A is the type of the elements that V holds.
template <typename A, typename V>
SKIPZOO_INLINE AtPoints<V> data_to_points(V d0, V d1, V d2, V d3, V d4, V d5) {
  using P = Points<A>;
  const V even_a = d4 - P::b2 * d2, odd_a = P::a * (d3 - P::b2 * d1);
  const V even_b = d4 - P::a2 * d2, odd_b = P::b * (d3 - P::a2 * d1);
  return {d4 - (P::a2 + P::b2) * d2 + P::a2 * P::b2 * d0,
          even_a + odd_a,
          even_a - odd_a,
          even_b + odd_b,
          even_b - odd_b,
          d5 - (P::a2 + P::b2) * d3 + P::a2 * P::b2 * d1};
}

template <typename A, typename V>
SKIPZOO_INLINE AtPoints<V> kernel_to_points(const Three<V>& g) {
  using P = Points<A>;
  const V e_a = P::of_a * g.v0 + P::a2 * P::of_a * g.v2,
          o_a = P::a * P::of_a * g.v1;
  const V e_b = P::of_b * g.v0 + P::b2 * P::of_b * g.v2,
          o_b = P::b * P::of_b * g.v1;
  return {P::of_zero * g.v0, e_a + o_a, e_a - o_a, e_b + o_b, e_b - o_b, g.v2};
}

template <typename A, typename V>
SKIPZOO_INLINE Four<V> result_of_points(const AtPoints<V>& m) {
  using P = Points<A>;
  const V even_a = m.a + m.minus_a, odd_a = m.a - m.minus_a;
  const V even_b = m.b + m.minus_b, odd_b = m.b - m.minus_b;
  return {m.zero + even_a + even_b, P::a * odd_a + P::b * odd_b,
          P::a2 * even_a + P::b2 * even_b,
          P::a3 * odd_a + P::b3 * odd_b + m.infinity};
}

/// The transposed of result_of_points().
template <typename A, typename V>
SKIPZOO_INLINE AtPoints<V> gradient_to_points(const Four<V>& y) {
  using P = Points<A>;
  const V even_a = y.v0 + P::a2 * y.v2, odd_a = P::a * y.v1 + P::a3 * y.v3;
  const V even_b = y.v0 + P::b2 * y.v2, odd_b = P::b * y.v1 + P::b3 * y.v3;
  return {y.v0,           even_a + odd_a, even_a - odd_a,
          even_b + odd_b, even_b - odd_b, y.v3};
}

/// The transposed of kernel_to_points().
template <typename A, typename V>
SKIPZOO_INLINE Three<V> kernel_of_points(const AtPoints<V>& u) {
  using P = Points<A>;
  const V even_a = P::of_a * (u.a + u.minus_a),
          odd_a = P::of_a * (u.a - u.minus_a);
  const V even_b = P::of_b * (u.b + u.minus_b),
          odd_b = P::of_b * (u.b - u.minus_b);
  return {P::of_zero * u.zero + even_a + even_b, P::a * odd_a + P::b * odd_b,
          P::a2 * even_a + P::b2 * even_b + u.infinity};
}

/// Thirty-six matrices, one a pair of points, of rows of channels.
template <typename A>
struct PointMatrices {
  A* first;
  int64_t of_point;  ///< From a matrix to the next.
  int64_t of_row;

  A* at(int64_t point, int64_t row, int64_t c) const {
    return first + point * of_point + row * of_row + c;
  }
  template <typename Lanes, typename V>
  SKIPZOO_INLINE void store(Lanes lanes, int64_t line, int64_t row, int64_t c,
                            const AtPoints<V>& v) const {
    lanes.store(v.zero, at(6 * line, row, c));
    lanes.store(v.a, at(6 * line + 1, row, c));
    lanes.store(v.minus_a, at(6 * line + 2, row, c));
    lanes.store(v.b, at(6 * line + 3, row, c));
    lanes.store(v.minus_b, at(6 * line + 4, row, c));
    lanes.store(v.infinity, at(6 * line + 5, row, c));
  }
  /// Those at one point of the second axis.
  template <typename Lanes>
  SKIPZOO_INLINE auto load(Lanes lanes, int64_t column, int64_t row,
                           int64_t c) const {
    return AtPoints{lanes.load(at(column, row, c)),
                    lanes.load(at(column + 6, row, c)),
                    lanes.load(at(column + 12, row, c)),
                    lanes.load(at(column + 18, row, c)),
                    lanes.load(at(column + 24, row, c)),
                    lanes.load(at(column + 30, row, c))};
  }
};

/// Columns at their points become lines at theirs: to_points takes one value of
/// each column.
template <typename Lanes, typename A, typename ToPoints, typename... Columns>
SKIPZOO_INLINE void store_lines(Lanes lanes, const PointMatrices<A>& to,
                                int64_t row, int64_t c,
                                const ToPoints& to_points,
                                const Columns&... columns) {
  to.store(lanes, 0, row, c, to_points(columns.zero...));
  to.store(lanes, 1, row, c, to_points(columns.a...));
  to.store(lanes, 2, row, c, to_points(columns.minus_a...));
  to.store(lanes, 3, row, c, to_points(columns.b...));
  to.store(lanes, 4, row, c, to_points(columns.minus_b...));
  to.store(lanes, 5, row, c, to_points(columns.infinity...));
}

/// Tiles beside each other in rows of pixels. Tile 0's pixel (0, 0) is the
/// first.
template <typename T>
struct TilePixels {
  T* first;
  int64_t of_line, of_pixel;

  T* at(int64_t tile, int64_t y, int64_t x, int64_t c) const {
    return first + y * of_line + (4 * tile + x) * of_pixel + c;
  }
};

/// Six by six pixels, the first tile's from (-1, -1) on, to points.
template <typename T>
struct DataTiles {
  TilePixels<const T> x;
  PointMatrices<Acc<T>> v;

  template <typename Lanes>
  SKIPZOO_INLINE void operator()(Lanes lanes, int64_t tile, int64_t c) const {
    using A = Acc<T>;
    const auto column = [&](int64_t i) {
      return data_to_points<A>(
          lanes.load(x.at(tile, 0, i, c)), lanes.load(x.at(tile, 1, i, c)),
          lanes.load(x.at(tile, 2, i, c)), lanes.load(x.at(tile, 3, i, c)),
          lanes.load(x.at(tile, 4, i, c)), lanes.load(x.at(tile, 5, i, c)));
    };
    const auto l0 = column(0), l1 = column(1), l2 = column(2), l3 = column(3),
               l4 = column(4), l5 = column(5);
    store_lines(
        lanes, v, tile, c,
        [](const auto&... line) { return data_to_points<A>(line...); }, l0, l1,
        l2, l3, l4, l5);
  }
};

/// Four by four pixels of a result's gradient to points.
template <typename T>
struct GradientTiles {
  TilePixels<const T> dy;
  PointMatrices<Acc<T>> m;

  template <typename Lanes>
  SKIPZOO_INLINE void operator()(Lanes lanes, int64_t tile, int64_t c) const {
    using A = Acc<T>;
    const auto column = [&](int64_t i) {
      return gradient_to_points<A>(Four{
          lanes.load(dy.at(tile, 0, i, c)), lanes.load(dy.at(tile, 1, i, c)),
          lanes.load(dy.at(tile, 2, i, c)), lanes.load(dy.at(tile, 3, i, c))});
    };
    const auto l0 = column(0), l1 = column(1), l2 = column(2), l3 = column(3);
    store_lines(
        lanes, m, tile, c,
        [](const auto&... line) {
          return gradient_to_points<A>(Four{line...});
        },
        l0, l1, l2, l3);
  }
};

/// Points to four by four pixels of the result.
template <typename A>
struct ResultTiles {
  PointMatrices<A> m;
  TilePixels<A> y;

  template <typename Lanes>
  SKIPZOO_INLINE void operator()(Lanes lanes, int64_t tile, int64_t c) const {
    const auto column = [&](int64_t i) {
      return result_of_points<A>(m.load(lanes, i, tile, c));
    };
    const auto l0 = column(0), l1 = column(1), l2 = column(2), l3 = column(3),
               l4 = column(4), l5 = column(5);
    const auto store = [&](int64_t line, const auto& at) {
      const auto v = result_of_points<A>(at);
      lanes.store(v.v0, y.at(tile, line, 0, c));
      lanes.store(v.v1, y.at(tile, line, 1, c));
      lanes.store(v.v2, y.at(tile, line, 2, c));
      lanes.store(v.v3, y.at(tile, line, 3, c));
    };
    store(0, AtPoints{l0.v0, l1.v0, l2.v0, l3.v0, l4.v0, l5.v0});
    store(1, AtPoints{l0.v1, l1.v1, l2.v1, l3.v1, l4.v1, l5.v1});
    store(2, AtPoints{l0.v2, l1.v2, l2.v2, l3.v2, l4.v2, l5.v2});
    store(3, AtPoints{l0.v3, l1.v3, l2.v3, l3.v3, l4.v3, l5.v3});
  }
};

/// Kernels, tap by tap, to points.
template <typename A>
struct KernelTiles {
  const A* taps;
  int64_t of_tap, of_row;
  PointMatrices<A> u;

  template <typename Lanes>
  SKIPZOO_INLINE void operator()(Lanes lanes, int64_t row, int64_t c) const {
    const auto tap = [&](int64_t i) {
      return lanes.load(taps + i * of_tap + row * of_row + c);
    };
    const auto l0 = kernel_to_points<A>(Three{tap(0), tap(3), tap(6)});
    const auto l1 = kernel_to_points<A>(Three{tap(1), tap(4), tap(7)});
    const auto l2 = kernel_to_points<A>(Three{tap(2), tap(5), tap(8)});
    store_lines(
        lanes, u, row, c,
        [](const auto&... line) { return kernel_to_points<A>(Three{line...}); },
        l0, l1, l2);
  }
};

/// Points to the gradients of kernels, tap by tap.
template <typename A>
struct KernelGradientTiles {
  PointMatrices<A> u;
  A* taps;
  int64_t of_tap, of_row;

  template <typename Lanes>
  SKIPZOO_INLINE void operator()(Lanes lanes, int64_t row, int64_t c) const {
    const auto column = [&](int64_t i) {
      return kernel_of_points<A>(u.load(lanes, i, row, c));
    };
    const auto l0 = column(0), l1 = column(1), l2 = column(2), l3 = column(3),
               l4 = column(4), l5 = column(5);
    const auto store = [&](int64_t line, const auto& at) {
      const auto v = kernel_of_points<A>(at);
      A* to = taps + 3 * line * of_tap + row * of_row + c;
      lanes.store(v.v0, to);
      lanes.store(v.v1, to + of_tap);
      lanes.store(v.v2, to + 2 * of_tap);
    };
    store(0, AtPoints{l0.v0, l1.v0, l2.v0, l3.v0, l4.v0, l5.v0});
    store(1, AtPoints{l0.v1, l1.v1, l2.v1, l3.v1, l4.v1, l5.v1});
    store(2, AtPoints{l0.v2, l1.v2, l2.v2, l3.v2, l4.v2, l5.v2});
  }
};

/// Calls EACH(element) for every one of a type of data, or of sums alone.
#define SKIPZOO_DATA_TILES(T, EACH) EACH(DataTiles<T>) EACH(GradientTiles<T>)
#define SKIPZOO_SUM_TILES(A, EACH) \
  EACH(ResultTiles<A>) EACH(KernelTiles<A>) EACH(KernelGradientTiles<A>)

}  // namespace skipzoo::rows
