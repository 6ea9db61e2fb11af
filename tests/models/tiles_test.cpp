// Winograd's transforms of one type by vectors, as this processor runs them and
// by AVX2 where it has more, against the plain ones in double.

#include "models/kernels/simd/tiles.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "models/kernels/simd/processor.h"
#include "models/kernels/simd/rows_avx2.h"

namespace skipzoo::rows {
namespace {

constexpr int64_t kTiles = 3, kChannels = 2 * kTileLanes, kTileElements = 36;

std::vector<double> numbers(int64_t count) {
  std::mt19937 engine(3);
  std::normal_distribution<double> normal;
  std::vector<double> all;
  // As bfloat16 has them, so that every type begins with the same.
  for (int64_t i = 0; i < count; ++i) {
    all.push_back(static_cast<double>(
        static_cast<float>(c10::BFloat16(static_cast<float>(normal(engine))))));
  }
  return all;
}

/// What a transform reads, and room for what it writes.
template <typename T>
struct Data {
  using A = Acc<T>;
  static constexpr int64_t kLineStride = (4 * kTiles + 2) * kChannels;

  std::vector<T> pixels = of<T>(6 * kLineStride);
  std::vector<A> transformed = of<A>(kTileElements * kTiles * kChannels);
  std::vector<A> taps = of<A>(9 * kTiles * kChannels);
  std::vector<A> out =
      std::vector<A>(static_cast<size_t>(kTileElements * kTiles * kChannels));

  template <typename U>
  static std::vector<U> of(int64_t count) {
    std::vector<U> all;
    for (const double value : numbers(count)) {
      all.push_back(U(static_cast<A>(value)));
    }
    return all;
  }
  static WinogradMatrices<A> matrices(std::vector<A>& data) {
    return {data.data(), kTiles * kChannels, kChannels};
  }
  DataTiles<T> data() {
    return {{pixels.data(), kLineStride, kChannels}, matrices(out)};
  }
  GradientTiles<T> gradient() {
    return {{pixels.data(), kLineStride, kChannels}, matrices(out)};
  }
  ResultTiles<A> result() {
    return {matrices(transformed),
            {out.data(), 4 * kTiles * kChannels, kChannels}};
  }
  KernelTiles<A> kernel() {
    return {taps.data(), kTiles * kChannels, kChannels, matrices(out)};
  }
  KernelGradientTiles<A> kernel_gradient() {
    return {matrices(transformed), out.data(), kTiles * kChannels, kChannels};
  }
};

template <typename T>
class Tiles : public testing::Test {
 protected:
  /// make(data) gives the transform of a type's data.
  template <typename Make>
  void expect_as_in_double(const Make& make) {
    Data<double> wanted;
    each_tile(make(wanted), kTiles, kChannels);
    Data<T> found;
    each_tile(make(found), kTiles, kChannels);
    expect_near(found.out, wanted.out);
#ifdef SKIPZOO_ROWS_AVX2
    if (!has_avx2()) return;
    Data<T> by_avx2;
    avx2::each_tile(make(by_avx2), kTiles, kChannels);
    expect_near(by_avx2.out, wanted.out);
#endif
  }
  static void expect_near(const std::vector<float>& found,
                          const std::vector<double>& wanted) {
    double largest = 0;
    for (const double value : wanted) {
      largest = std::max(largest, std::abs(value));
    }
    ASSERT_GT(largest, 0.1);
    for (size_t i = 0; i < wanted.size(); ++i) {
      ASSERT_NEAR(found[i], wanted[i], 1e-6 * largest) << i;
    }
  }
};

using Types = testing::Types<float, c10::BFloat16>;
TYPED_TEST_SUITE(Tiles, Types);

TYPED_TEST(Tiles, OfData) {
  this->expect_as_in_double([](auto& d) { return d.data(); });
}
TYPED_TEST(Tiles, OfAGradient) {
  this->expect_as_in_double([](auto& d) { return d.gradient(); });
}
TYPED_TEST(Tiles, OfAResult) {
  this->expect_as_in_double([](auto& d) { return d.result(); });
}
TYPED_TEST(Tiles, OfAKernel) {
  this->expect_as_in_double([](auto& d) { return d.kernel(); });
}
TYPED_TEST(Tiles, OfAKernelsGradient) {
  this->expect_as_in_double([](auto& d) { return d.kernel_gradient(); });
}

}  // namespace
}  // namespace skipzoo::rows
