#include "models/kernels/winograd.h"

#include "models/kernels/pixel_rows.h"
#include "models/kernels/raster.h"
#include "models/kernels/tiles.h"

namespace skipzoo {

namespace {

using rows::Acc;

constexpr int64_t kTile = 4;     ///< Pixels of a result's tile, each way.
constexpr int64_t kPoints = 36;  ///< Pairs of them.

/// Rows of tiles that images are cut into.
struct Strips {
  Strips(int64_t pixels, const ImageSize& image)
      : size(image),
        tiles((size.width + kTile - 1) / kTile),
        of_image((size.height + kTile - 1) / kTile),
        count(pixels / (size.height * size.width) * of_image) {}

  /// All of its lines, of which the last may be behind the image.
  Band band(int64_t strip) const {
    return {strip / of_image * size.height * size.width,
            strip % of_image * kTile, kTile};
  }
  /// What a raster of one is as wide as.
  int64_t width() const { return tiles * kTile; }

  ImageSize size;
  int64_t tiles;  ///< Of one.
  int64_t of_image, count;
};

/// Matrices that begin at a later row of these.
template <typename A>
rows::PointMatrices<A> rows_from(const rows::PointMatrices<A>& all,
                                 int64_t row) {
  return {all.at(0, row, 0), all.of_point, all.of_row};
}

/// From one matrix to the next: not by a power of two, whose multiples compete
/// for the same part of a cache.
constexpr int64_t of_point(int64_t rows, int64_t columns) {
  return rows * columns + gemm::kColumns;
}

template <typename T>
struct Slice {
  Slice(const Strips& strips, int64_t most, int64_t channels, int64_t columns)
      : raster(strips.width(), kTile, channels),
        rows(gemm::padded(most * strips.tiles, gemm::kRows)),
        v_data(kPoints * of_point(rows, raster.channels())),
        m_data(kPoints * of_point(rows, columns)),
        y(kTile * strips.width() * columns) {
    // Rows behind the last tile are multiplied too.
    std::fill_n(v_data.data(), kPoints * of_point(rows, raster.channels()),
                Acc<T>(0));
  }
  rows::PointMatrices<Acc<T>> v() {
    return {v_data.data(), of_point(rows, raster.channels()),
            raster.channels()};
  }
  rows::PointMatrices<Acc<T>> m(int64_t columns) {
    return {m_data.data(), of_point(rows, columns), columns};
  }

  Raster<T> raster;
  int64_t rows;
  Scratch<Acc<T>> v_data, m_data, y;
};

template <typename T>
void data_to_points(Raster<T>& raster, const Strips& strips,
                    const rows::PointMatrices<Acc<T>>& v) {
  const int64_t channels = raster.channels();
  rows::each_tile(
      rows::DataTiles<T>{
          {raster.at(-1, -1), (strips.width() + 2) * channels, channels}, v},
      strips.tiles, channels);
}

/// How the strips are shared out: in blocks of at most `most`, each of which
/// `parts` threads share by the result's channels.
struct Shares {
  Shares(const Strips& strips, int64_t bytes_of_tile) {
    // Tiles enough for a weight that has to come from afar, few enough for the
    // rest to stay near.
    constexpr int64_t kBytes = 640 << 10, kLeast = 32, kMost = 64;
    const int64_t threads = at::get_num_threads();
    const int64_t tiles = std::clamp(kBytes / bytes_of_tile, kLeast, kMost);
    const int64_t wanted = std::max<int64_t>(tiles / strips.tiles, 1);
    parts = strips.count * strips.tiles < threads * kLeast ? threads : 1;
    blocks = (strips.count + wanted - 1) / wanted;
    if (parts == 1) blocks = gemm::padded(blocks, threads);
    most = std::max<int64_t>((strips.count + blocks - 1) / blocks, 1);
    blocks = (strips.count + most - 1) / most;
  }
  int64_t parts, blocks, most;
};

template <typename T>
void convolve_block(Slice<T>& own, const Strips& strips, int64_t first,
                    int64_t count, const WinogradWeight<Acc<T>>& weight,
                    int64_t panel, const TakeRow<Acc<T>>& take) {
  const int64_t columns = weight.columns(panel);
  const auto v = own.v(), m = own.m(columns);
  const int64_t rows = gemm::padded(count * strips.tiles, gemm::kRows);
  for (int64_t point = 0; point < kPoints; ++point) {
    gemm::multiply({v.at(point, 0, 0), v.of_row, 1}, weight.at(panel, point),
                   rows, columns, weight.in(), m.at(point, 0, 0),
                   /*add=*/false);
  }
  const int64_t of_line = strips.width() * columns;
  const int64_t channel = panel * weight.kPanel;
  for (int64_t s = 0; s < count; ++s) {
    rows::each_tile(rows::ResultTiles<Acc<T>>{rows_from(m, s * strips.tiles),
                                              {own.y.data(), of_line, columns}},
                    strips.tiles, columns);
    const Band band = strips.band(first + s);
    const int64_t lines = std::min(band.count, strips.size.height - band.first);
    for (int64_t y = 0; y < lines; ++y) {
      take({own.y.data() + y * of_line, columns,
            band.pixel + (band.first + y) * strips.size.width,
            strips.size.width, channel,
            std::min(columns, weight.out() - channel)});
    }
  }
}

}  // namespace

/// A weight's kernels: column's and row's are of_column and of_row apart.
template <typename A>
struct WinogradWeight<A>::Source {
  const A* first;
  int64_t of_tap, of_row, of_column;
};

template <typename A>
WinogradWeight<A>::WinogradWeight(const torch::Tensor& weight, bool back)
    : in_(weight.size(back ? 0 : 1)),
      out_(weight.size(back ? 1 : 0)),
      data_(kPoints * in_ * padded_out()) {
  const auto of_sums = weight.to(c10::CppTypeToScalarType<A>::value);
  const auto* first = of_sums.template const_data_ptr<A>();
  const int64_t tap = of_sums.stride(3);
  const auto source =
      back ? Source{first + 8 * tap, -tap, of_sums.stride(0), of_sums.stride(1)}
           : Source{first, tap, of_sums.stride(1), of_sums.stride(0)};
  const int64_t blocks = (in_ + gemm::kColumns - 1) / gemm::kColumns;
  at::parallel_for(0, panels() * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      transform(source, i / blocks, i % blocks * gemm::kColumns);
    }
  });
}

template <typename A>
void WinogradWeight<A>::transform(const Source& source, int64_t panel,
                                  int64_t row) {
  const int64_t width = columns(panel), column = panel * kPanel;
  const int64_t rows = std::min(gemm::kColumns, in_ - row);
  A taps[9 * gemm::kColumns * kPanel] = {};
  const int64_t filled = std::min(width, out_ - column);
  for (int64_t tap = 0; tap < 9; ++tap) {
    for (int64_t c = 0; c < filled; ++c) {
      const A* from = source.first + tap * source.of_tap + row * source.of_row +
                      (column + c) * source.of_column;
      A* to = taps + tap * gemm::kColumns * kPanel + c;
      for (int64_t r = 0; r < rows; ++r, from += source.of_row, to += kPanel) {
        *to = *from;
      }
    }
  }
  A* to = data_.data() + kPoints * column * in_ + row * width;
  rows::each_tile(
      rows::KernelTiles<A>{
          taps, gemm::kColumns * kPanel, kPanel, {to, in_ * width, width}},
      rows, width);
}

template class WinogradWeight<float>;
template class WinogradWeight<double>;

template <typename T>
void winograd_convolution(const ActivatedInput& input, const ImageSize& size,
                          const WinogradWeight<Acc<T>>& weight,
                          const TakeRow<Acc<T>>& take) {
  const Strips strips(input.rows.size(0), size);
  const Shares shares(
      strips,
      kPoints * (gemm::padded(input.channels, gemm::kColumns) + weight.kPanel) *
          static_cast<int64_t>(sizeof(Acc<T>)));
  Slices<Slice<T>> slices;
  slices.for_each(
      shares.blocks * shares.parts,
      [&] {
        return Slice<T>(strips, shares.most, input.channels, weight.columns(0));
      },
      [&](Slice<T>& own, int64_t i) {
        const int64_t first = i / shares.parts * shares.most;
        const int64_t count = std::min(shares.most, strips.count - first);
        const int64_t part = i % shares.parts;
        const int64_t begin = weight.panels() * part / shares.parts;
        const int64_t end = weight.panels() * (part + 1) / shares.parts;
        if (begin == end) return;
        for (int64_t s = 0; s < count; ++s) {
          own.raster.load(strips.band(first + s), size,
                          Fill<T>{input, own.raster.channels()});
          data_to_points(own.raster, strips,
                         rows_from(own.v(), s * strips.tiles));
        }
        for (int64_t panel = begin; panel < end; ++panel) {
          convolve_block(own, strips, first, count, weight, panel, take);
        }
      });
}

#define SKIPZOO_INSTANTIATE(T)                                                \
  template void winograd_convolution<T>(                                      \
      const ActivatedInput&, const ImageSize&, const WinogradWeight<Acc<T>>&, \
      const TakeRow<Acc<T>>&);
SKIPZOO_INSTANTIATE(float)
SKIPZOO_INSTANTIATE(double)
SKIPZOO_INSTANTIATE(c10::BFloat16)

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
