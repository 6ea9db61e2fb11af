// Winograd's transforms, by what they are for: in the Winograd domain a product
// is a convolution, and its gradient.

#include "models/kernels/simd/tiles.h"
#include "tests/simd/support.h"

namespace skipzoo::simd {
namespace {

using rows::kTileLanes;

constexpr int64_t kTiles = 3, kChannels = 2 * kTileLanes, kElements = 36;
constexpr int64_t kWidth = 4 * kTiles + 2;  ///< Pixels of a line.
constexpr int64_t kLine = kWidth * kChannels;
constexpr int64_t kMatrix = kTiles * kChannels;

class WinogradLoopsTest : public LoopsTest {
 protected:
  template <typename Element>
  void each_tile(const Element& element, int64_t rows) const {
    static_cast<const EachTile<Element>&>(table).each_tile(element, rows,
                                                           kChannels);
  }
  template <typename A>
  static rows::WinogradMatrices<A> matrices(Memory<A>& data) {
    return {data.data(), kMatrix, kChannels};
  }
  static int64_t pixel(int64_t y, int64_t x, int64_t c) {
    return y * kLine + x * kChannels + c;
  }
  /// Loses some bits, as every transform with fractions does.
  template <typename A>
  static void expect_close(double found, double wanted) {
    ASSERT_NEAR(found, wanted, (sizeof(A) == 4 ? 2e-4 : 1e-12));
  }

  /// A 3x3 kernel for each channel, over six by fourteen pixels.
  template <typename T>
  void convolution(int64_t offset) const {
    using A = Acc<T>;
    Memory<T> x(6 * kLine, offset, 1);
    Memory<A> taps(9 * kChannels, offset, 2), v(kElements * kMatrix, offset, 3),
        u(kElements * kChannels, offset, 4), y(4 * kLine, offset, 5);
    each_tile(rows::DataTiles<T>{{x.data(), kLine, kChannels}, matrices(v)},
              kTiles);
    each_tile(rows::KernelTiles<A>{taps.data(),
                                   kChannels,
                                   kChannels,
                                   {u.data(), kChannels, kChannels}},
              1);
    for (int64_t e = 0; e < kElements; ++e) {
      for (int64_t i = 0; i < kMatrix; ++i) {
        v.data()[e * kMatrix + i] *= u.data()[e * kChannels + i % kChannels];
      }
    }
    each_tile(rows::ResultTiles<A>{matrices(v), {y.data(), kLine, kChannels}},
              kTiles);
    for (int64_t row = 0; row < 4; ++row) {
      for (int64_t column = 0; column < 4 * kTiles; ++column) {
        for (int64_t c = 0; c < kChannels; ++c) {
          double sum = 0;
          for (int64_t tap = 0; tap < 9; ++tap) {
            sum += taps.at(tap * kChannels + c) *
                   x.at(pixel(row + tap / 3, column + tap % 3, c));
          }
          expect_close<A>(y.at(pixel(row, column, c)), sum);
          if (HasFatalFailure()) return;
        }
      }
    }
    // Two pixels behind the tiles of a line are nobody's.
    y.expect_kept([&](int64_t i) {
      return i < 4 * kLine && i % kLine < 4 * kTiles * kChannels;
    });
  }

  /// The gradient of that kernel, of one tile.
  template <typename T>
  void kernel_gradient(int64_t offset) const {
    using A = Acc<T>;
    Memory<T> x(6 * kLine, offset, 1), dy(4 * kLine, offset, 2);
    Memory<A> v(kElements * kMatrix, offset, 3),
        m(kElements * kMatrix, offset, 4), taps(9 * kMatrix, offset, 5);
    each_tile(rows::DataTiles<T>{{x.data(), kLine, kChannels}, matrices(v)},
              kTiles);
    each_tile(
        rows::GradientTiles<T>{{dy.data(), kLine, kChannels}, matrices(m)},
        kTiles);
    for (int64_t i = 0; i < kElements * kMatrix; ++i) {
      v.data()[i] *= m.data()[i];
    }
    each_tile(rows::KernelGradientTiles<A>{matrices(v), taps.data(), kMatrix,
                                           kChannels},
              kTiles);
    for (int64_t tile = 0; tile < kTiles; ++tile) {
      for (int64_t tap = 0; tap < 9; ++tap) {
        for (int64_t c = 0; c < kChannels; ++c) {
          double sum = 0;
          for (int64_t i = 0; i < 16; ++i) {
            const int64_t row = i / 4, column = 4 * tile + i % 4;
            sum += dy.at(pixel(row, column, c)) *
                   x.at(pixel(row + tap / 3, column + tap % 3, c));
          }
          expect_close<A>(taps.at(tap * kMatrix + tile * kChannels + c), sum);
          if (HasFatalFailure()) return;
        }
      }
    }
    taps.expect_kept([](int64_t i) { return i < 9 * kMatrix; });
  }
};

TEST_P(WinogradLoopsTest, Convolve) {
  for (int64_t offset = 0; offset < 16; ++offset) {
    convolution<float>(offset);
    convolution<double>(offset);
    convolution<Bf16>(offset);
  }
}

TEST_P(WinogradLoopsTest, GiveTheGradientOfAKernel) {
  for (int64_t offset = 0; offset < 16; ++offset) {
    kernel_gradient<float>(offset);
    kernel_gradient<double>(offset);
    kernel_gradient<Bf16>(offset);
  }
}

INSTANTIATE_TEST_SUITE_P(Here, WinogradLoopsTest,
                         testing::ValuesIn(isas_here()), isa_name);

}  // namespace
}  // namespace skipzoo::simd
