#include "models/kernels/pixel_rows.h"
#include "models/kernels/winograd_strips.h"

namespace skipzoo {

namespace {

/// What a thread has to itself while it takes strips to points.
template <typename T>
struct GradientSlice {
  Raster<T> x, dy;
};

template <typename T>
torch::Tensor weight_gradient(const ActivatedInput& input,
                              const ImageSize& size, const torch::Tensor& dy) {
  using A = Acc<T>;
  const Strips strips(input.rows.size(0), size);
  const int64_t out = gemm::padded(dy.size(1), gemm::kColumns);
  const int64_t in = gemm::padded(input.channels, gemm::kColumns);
  // Strips at a time: enough for the sums' way through memory, few enough for
  // a cache.
  constexpr int64_t kBytes = 4 << 20, kLeast = 64;
  const int64_t tiles = std::max(
      kBytes / (kPoints * (in + out) * static_cast<int64_t>(sizeof(A))),
      kLeast);
  const int64_t most =
      std::min(std::max<int64_t>(tiles / strips.tiles, 1), strips.count);
  const int64_t rows = most * strips.tiles;
  Scratch<A> v_data(kPoints * of_point(rows, in));
  Scratch<A> m_data(kPoints * of_point(rows, out));
  Scratch<A> sums(kPoints * out * in);
  const rows::PointMatrices<A> v{v_data.data(), of_point(rows, in), in};
  const rows::PointMatrices<A> m{m_data.data(), of_point(rows, out), out};
  const ActivatedInput past{dy, dy.size(1), {}, {}};
  Slices<GradientSlice<T>> slices;
  for (int64_t first = 0; first < strips.count; first += most) {
    const int64_t count = std::min(most, strips.count - first);
    slices.for_each(
        count,
        [&] {
          return GradientSlice<T>{
              Raster<T>(strips.width(), kTile, input.channels),
              Raster<T>(strips.width(), kTile, dy.size(1))};
        },
        [&](GradientSlice<T>& own, int64_t s) {
          const Band band = strips.band(first + s);
          own.x.load(band, size, Fill<T>{input, in});
          data_to_points(own.x, strips, rows_from(v, s * strips.tiles));
          own.dy.load(band, size, Fill<T>{past, out});
          rows::each_tile(
              rows::GradientTiles<T>{
                  {own.dy.at(0, 0), (strips.width() + 2) * out, out},
                  rows_from(m, s * strips.tiles)},
              strips.tiles, out);
        });
    constexpr int64_t kRows = 64;
    const int64_t parts = (out + kRows - 1) / kRows;
    at::parallel_for(0, kPoints * parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t point = i / parts, row = i % parts * kRows;
        gemm::multiply({m.at(point, 0, row), 1, out}, v.at(point, 0, 0),
                       std::min(kRows, out - row), in, count * strips.tiles,
                       sums.data() + (point * out + row) * in,
                       /*add=*/first > 0);
      }
    });
  }
  auto gradient =
      torch::empty({out, 3, 3, in}, c10::CppTypeToScalarType<A>::value);
  auto* to = gradient.template mutable_data_ptr<A>();
  at::parallel_for(0, out, 8, [&](int64_t begin, int64_t end) {
    rows::each_tile(
        rows::KernelGradientTiles<A>{{sums.data() + begin * in, out * in, in},
                                     to + begin * 9 * in,
                                     in,
                                     9 * in},
        end - begin, in);
  });
  return gradient.narrow(0, 0, dy.size(1))
      .narrow(3, 0, input.channels)
      .permute({0, 3, 1, 2});
}

}  // namespace

torch::Tensor winograd_weight_gradient(const ActivatedInput& input,
                                       const ImageSize& size,
                                       const torch::Tensor& dy) {
  torch::Tensor gradient;
  SKIPZOO_DISPATCH(dy.scalar_type(), [&] {
    gradient = weight_gradient<scalar_t>(input, size, dy);
  });
  return gradient;
}

}  // namespace skipzoo
