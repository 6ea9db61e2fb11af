#include "models/kernels/algorithms/winograd_strips.h"
#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

/// How the work is shared out. Nothing that is written often is read by two
/// threads, whose cores may be far from each other.
struct GradientShares {
  GradientShares(const Strips& strips, int64_t in, int64_t out,
                 int64_t bytes_of_tile) {
    const int64_t threads = at::get_num_threads();
    // Few tiles are transformed by every thread, each of which then multiplies
    // some of the 36 matrices; of many tiles, each thread has some to itself.
    const bool few = strips.count * strips.tiles <= std::min(in, out);
    groups = few ? 1 : std::min(threads, strips.count);
    parts = few ? std::min(threads, kTileElements) : 1;
    // Tiles at a time: enough to pay for loading and storing the accumulators,
    // few enough for L2.
    constexpr int64_t kBytes = 2 << 20, kLeast = 64;
    const int64_t tiles = std::max(kBytes / bytes_of_tile, kLeast);
    const int64_t share = (strips.count + groups - 1) / groups;
    most = std::clamp<int64_t>(tiles / strips.tiles, 1, share);
  }
  int64_t groups;  ///< Of threads, by tiles.
  int64_t parts;   ///< Of a group, by elements of a tile.
  int64_t most;    ///< Strips at a time.
};

/// What a thread has to itself.
template <typename T>
struct GradientSlice {
  using A = Acc<T>;
  GradientSlice(const Strips& strips, int64_t most, const ActivatedInput& input,
                const torch::Tensor& dy_)
      : x(strips.width(), kTile, input.channels),
        dy(strips.width(), kTile, dy_.size(1)),
        rows(most * strips.tiles),
        v_data(kTileElements * matrix_stride(rows, x.channels())),
        m_data(kTileElements * matrix_stride(rows, dy.channels())) {}

  rows::WinogradMatrices<A> v() {
    return {v_data.data(), matrix_stride(rows, x.channels()), x.channels()};
  }
  rows::WinogradMatrices<A> m() {
    return {m_data.data(), matrix_stride(rows, dy.channels()), dy.channels()};
  }
  void transform_gradient(const Strips& strips, int64_t row) {
    const int64_t out = dy.channels();
    rows::each_tile(
        rows::GradientTiles<rows::Stored<T>>{
            {rows::stored(dy.at(0, 0)), (strips.width() + 2) * out, out},
            rows_from(m(), row)},
        strips.tiles, out);
  }
  /// accumulators (+)= the products over `tiles` tiles, of one element.
  void multiply(int64_t element, int64_t tiles, A* accumulators, bool add) {
    const int64_t in = x.channels(), out = dy.channels();
    constexpr int64_t kRows = 64;
    for (int64_t row = 0; row < out; row += kRows) {
      gemm::multiply({m().at(element, 0, row), 1, out}, v().at(element, 0, 0),
                     std::min(kRows, out - row), in, tiles,
                     accumulators + row * in, add);
    }
  }

  Raster<T> x, dy;
  int64_t rows;
  Scratch<A> v_data, m_data;
};

/// Adds up a group's strips, for the elements of one of its parts.
template <typename T>
void add_up_share(const ActivatedInput& input, const torch::Tensor& dy,
                  const Strips& strips, const GradientShares& shares,
                  int64_t share, Acc<T>* accumulators) {
  GradientSlice<T> own(strips, shares.most, input, dy);
  const ActivatedInput past{dy, dy.size(1), {}, {}};
  const int64_t in = own.x.channels(), out = own.dy.channels();
  const int64_t group = share / shares.parts, part = share % shares.parts;
  const int64_t begin = strips.count * group / shares.groups;
  const int64_t end = strips.count * (group + 1) / shares.groups;
  for (int64_t first = begin; first < end; first += shares.most) {
    const int64_t count = std::min(shares.most, end - first);
    for (int64_t s = 0; s < count; ++s) {
      const Band band = strips.band(first + s);
      own.x.load(band, strips.size, Fill<T>{input, in});
      transform_data(own.x, strips, rows_from(own.v(), s * strips.tiles));
      own.dy.load(band, strips.size, Fill<T>{past, out});
      own.transform_gradient(strips, s * strips.tiles);
    }
    const int64_t last_element = kTileElements * (part + 1) / shares.parts;
    for (int64_t element = kTileElements * part / shares.parts;
         element < last_element; ++element) {
      own.multiply(element, count * strips.tiles,
                   accumulators + (group * kTileElements + element) * out * in,
                   /*add=*/first > begin);
    }
  }
}

template <typename T>
torch::Tensor weight_gradient(const ActivatedInput& input,
                              const ImageSize& size, const torch::Tensor& dy) {
  using A = Acc<T>;
  const Strips strips(input.rows.size(0), size);
  const int64_t out = gemm::padded(dy.size(1), gemm::kColumns);
  const int64_t in = gemm::padded(input.channels, gemm::kColumns);
  const GradientShares shares(
      strips, in, out,
      kTileElements * (in + out) * static_cast<int64_t>(sizeof(A)));
  Scratch<A> accumulators(shares.groups * kTileElements * out * in);
  at::parallel_for(
      0, shares.groups * shares.parts, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          add_up_share<T>(input, dy, strips, shares, i, accumulators.data());
        }
      });
  auto gradient =
      torch::empty({out, 3, 3, in}, c10::CppTypeToScalarType<A>::value);
  auto* to = gradient.template mutable_data_ptr<A>();
  at::parallel_for(0, out, 8, [&](int64_t begin, int64_t end) {
    for (int64_t group = 1; group < shares.groups; ++group) {
      for (int64_t element = 0; element < kTileElements; ++element) {
        A* accumulator = accumulators.data() + (element * out + begin) * in;
        const A* more = accumulator + group * kTileElements * out * in;
        for (int64_t i = 0; i < (end - begin) * in; ++i) {
          accumulator[i] += more[i];
        }
      }
    }
    rows::each_tile(
        rows::KernelGradientTiles<A>{
            {accumulators.data() + begin * in, out * in, in},
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
