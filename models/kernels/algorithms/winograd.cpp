#include "models/kernels/algorithms/winograd.h"

#include "models/kernels/algorithms/winograd_strips.h"
#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

template <typename T>
struct Slice {
  Slice(const Strips& strips, int64_t most, int64_t channels, int64_t columns)
      : raster(strips.width(), kTile, channels),
        rows(gemm::padded(most * strips.tiles, gemm::kRows)),
        v_data(kTileElements * matrix_stride(rows, raster.channels())),
        m_data(kTileElements * matrix_stride(rows, columns)),
        y(kTile * strips.width() * columns) {
    // Rows behind the last tile are multiplied too.
    const int64_t tiles = most * strips.tiles;
    for (int64_t element = 0; element < kTileElements; ++element) {
      std::fill(v().at(element, tiles, 0), v().at(element, rows, 0), Acc<T>(0));
    }
  }
  rows::WinogradMatrices<Acc<T>> v() {
    return {v_data.data(), matrix_stride(rows, raster.channels()),
            raster.channels()};
  }
  rows::WinogradMatrices<Acc<T>> m(int64_t columns) {
    return {m_data.data(), matrix_stride(rows, columns), columns};
  }

  Raster<T> raster;
  int64_t rows;
  Scratch<Acc<T>> v_data, m_data, y;
  int64_t block = -1;  ///< Whose data are in v_data.
};

/// How the strips are shared out: in blocks of at most `most`, each in `parts`
/// by the result's channels.
struct Shares {
  Shares(const Strips& strips, int64_t bytes_of_tile, int64_t panels) {
    // Tiles enough to pay for reading the weight from memory, few enough for
    // them and their products to stay in L2.
    constexpr int64_t kBytes = 1 << 20, kLeast = 40, kMost = 56;
    const int64_t threads = at::get_num_threads();
    const int64_t tiles = std::clamp(kBytes / bytes_of_tile, kLeast, kMost);
    const int64_t wanted = std::max<int64_t>(tiles / strips.tiles, 1);
    // Parts enough for a thread to take some from a slower one.
    parts = strips.count * strips.tiles < threads * kLeast ? panels : 1;
    blocks = (strips.count + wanted - 1) / wanted;
    if (parts == 1) blocks = gemm::padded(blocks, threads);
    most = std::max<int64_t>((strips.count + blocks - 1) / blocks, 1);
    blocks = (strips.count + most - 1) / most;
  }
  int64_t parts, blocks, most;
};

/// Some channels, from `channel` on, of `count` pixels.
template <typename T>
void write_row(const Acc<T>* y, int64_t columns, int64_t pixel, int64_t count,
               int64_t channel, int64_t channels,
               const WinogradResult& result) {
  const int64_t stride = result.rows.stride(0);
  const int64_t at = pixel * stride + channel;
  rows::write(
      y, columns,
      result.bias.defined() ? result.bias.const_data_ptr<Acc<T>>() + channel
                            : nullptr,
      result.residual.defined() ? result.residual.const_data_ptr<T>() + at
                                : nullptr,
      result.relu, count, channels, result.rows.mutable_data_ptr<T>() + at,
      stride);
}

/// Of strips from `first` on, to the Winograd domain.
template <typename T>
void transform_block(Slice<T>& own, const Strips& strips, int64_t first,
                     int64_t count, const ActivatedInput& input) {
  for (int64_t s = 0; s < count; ++s) {
    own.raster.load(strips.band(first + s), strips.size,
                    Fill<T>{input, own.raster.channels()});
    transform_data(own.raster, strips, rows_from(own.v(), s * strips.tiles));
  }
}

template <typename T>
void convolve_block(Slice<T>& own, const Strips& strips, int64_t first,
                    int64_t count, const WinogradWeight<Acc<T>>& weight,
                    int64_t panel, const WinogradResult& result) {
  const int64_t columns = weight.columns(panel);
  const auto v = own.v(), m = own.m(columns);
  const int64_t rows = gemm::padded(count * strips.tiles, gemm::kRows);
  for (int64_t element = 0; element < kTileElements; ++element) {
    gemm::multiply({v.at(element, 0, 0), v.row_stride, 1},
                   weight.at(panel, element), rows, columns, weight.in(),
                   m.at(element, 0, 0),
                   /*add=*/false);
  }
  const int64_t line_stride = strips.width() * columns;
  const int64_t channel = panel * weight.kPanel;
  for (int64_t s = 0; s < count; ++s) {
    rows::each_tile(
        rows::ResultTiles<Acc<T>>{rows_from(m, s * strips.tiles),
                                  {own.y.data(), line_stride, columns}},
        strips.tiles, columns);
    const Band band = strips.band(first + s);
    for (int64_t y = 0; y < strips.lines(band); ++y) {
      write_row<T>(own.y.data() + y * line_stride, columns,
                   band.pixel + (band.first + y) * strips.size.width,
                   strips.size.width, channel,
                   std::min(columns, weight.out() - channel), result);
    }
  }
}

void finish(const Strips& strips, int64_t first, int64_t count,
            const WinogradResult& result) {
  if (!result.finish) return;
  for (int64_t s = first; s < first + count; ++s) {
    const Band band = strips.band(s);
    result.finish(s, band.pixel + band.first * strips.size.width,
                  strips.lines(band) * strips.size.width);
  }
}

}  // namespace

int64_t winograd_strips(int64_t pixels, const ImageSize& size) {
  return Strips(pixels, size).count;
}

/// A weight's kernels, by in channel (row) and out channel (column).
template <typename A>
struct WinogradWeight<A>::Source {
  const A* first;
  int64_t tap_stride, row_stride, column_stride;
};

template <typename A>
WinogradWeight<A>::WinogradWeight(const torch::Tensor& weight, bool backward)
    : in_(weight.size(backward ? 0 : 1)),
      out_(weight.size(backward ? 1 : 0)),
      data_(kTileElements * in_ * padded_out()) {
  const auto converted = weight.to(c10::CppTypeToScalarType<A>::value);
  const auto* first = converted.template const_data_ptr<A>();
  const int64_t tap = converted.stride(3);
  const auto source =
      backward ? Source{first + 8 * tap, -tap, converted.stride(0),
                        converted.stride(1)}
               : Source{first, tap, converted.stride(1), converted.stride(0)};
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
      const A* from = source.first + tap * source.tap_stride +
                      row * source.row_stride +
                      (column + c) * source.column_stride;
      A* to = taps + tap * gemm::kColumns * kPanel + c;
      for (int64_t r = 0; r < rows;
           ++r, from += source.row_stride, to += kPanel) {
        *to = *from;
      }
    }
  }
  A* to = data_.data() + kTileElements * column * in_ + row * width;
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
                          const WinogradResult& result) {
  const Strips strips(input.rows.size(0), size);
  const Shares shares(
      strips,
      kTileElements *
          (gemm::padded(input.channels, gemm::kColumns) + weight.kPanel) *
          static_cast<int64_t>(sizeof(Acc<T>)),
      weight.panels());
  Slices<Slice<T>> slices;
  slices.for_each_in_any_order(
      shares.blocks * shares.parts,
      [&] {
        return Slice<T>(strips, shares.most, input.channels, weight.columns(0));
      },
      [&](Slice<T>& own, int64_t i) {
        const int64_t block = i / shares.parts, part = i % shares.parts;
        const int64_t first = block * shares.most;
        const int64_t count = std::min(shares.most, strips.count - first);
        if (own.block != block) {
          transform_block(own, strips, first, count, input);
          own.block = block;
        }
        const int64_t end = weight.panels() * (part + 1) / shares.parts;
        for (int64_t panel = weight.panels() * part / shares.parts; panel < end;
             ++panel) {
          convolve_block(own, strips, first, count, weight, panel, result);
        }
        if (shares.parts == 1) finish(strips, first, count, result);
      });
  if (shares.parts > 1) finish(strips, 0, strips.count, result);
}

template void winograd_convolution<float>(const ActivatedInput&,
                                          const ImageSize&,
                                          const WinogradWeight<float>&,
                                          const WinogradResult&);
template void winograd_convolution<double>(const ActivatedInput&,
                                           const ImageSize&,
                                           const WinogradWeight<double>&,
                                           const WinogradResult&);
template void winograd_convolution<c10::BFloat16>(const ActivatedInput&,
                                                  const ImageSize&,
                                                  const WinogradWeight<float>&,
                                                  const WinogradResult&);

}  // namespace skipzoo
