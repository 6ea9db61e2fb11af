// Max pooling of our own against LibTorch's: which number is the largest leaves
// no room for rounding, so the two are equal bit by bit.

#include "models/kernels/algorithms/max_pool.h"

#include <gtest/gtest.h>

#include <limits>

namespace skipzoo {
namespace {

struct Case {
  const char* name;
  PoolWindow window;
  int64_t height, width;
};

const Case kCases[] = {
    {"of_the_networks", {{3, 3}, {2, 2}, {1, 1}}, 12, 14},
    {"odd_image", {{3, 3}, {2, 2}, {1, 1}}, 7, 9},
    {"no_border", {{2, 2}, {2, 2}, {0, 0}}, 9, 5},
    {"overlapping", {{3, 3}, {1, 1}, {1, 1}}, 5, 6},
    {"one_way", {{1, 5}, {1, 2}, {0, 2}}, 3, 11},
    {"other_way", {{4, 2}, {3, 1}, {2, 0}}, 8, 3},
    {"pixels_passed_over", {{1, 1}, {3, 2}, {0, 0}}, 10, 7},
    {"one_pixel", {{3, 3}, {2, 2}, {1, 1}}, 1, 1},
    {"border_on_both_sides", {{3, 3}, {2, 2}, {1, 1}}, 2, 2},
};

class MaxPool
    : public testing::TestWithParam<std::tuple<Case, at::ScalarType>> {
 protected:
  const Case& shape() const { return std::get<0>(GetParam()); }

  /// All below zero, so that a border taken for a number would show.
  torch::Tensor images(int64_t count, int64_t channels) const {
    torch::manual_seed(1);
    return (-torch::rand({count, channels, shape().height, shape().width}) - 1)
        .to(std::get<1>(GetParam()));
  }
  void expect_as_libtorch(const torch::Tensor& x) const {
    const auto& [size, stride, padding, ceil_mode] = shape().window;
    ASSERT_TRUE(suits_max_pool(shape().window));
    const auto y = max_pool(x, shape().window);
    const auto expected =
        torch::max_pool2d(x, size, stride, padding, /*dilation=*/1, ceil_mode);
    ASSERT_EQ(y.sizes(), expected.sizes());
    EXPECT_EQ(y.scalar_type(), x.scalar_type());
    EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_TRUE(torch::allclose(y, expected, 0, 0, /*equal_nan=*/true));
  }
};

TEST_P(MaxPool, IsThatOfLibTorch) {
  // Channels that do and do not fill the vectors.
  for (const int64_t channels : {1, 16, 37, 64}) {
    SCOPED_TRACE(channels);
    expect_as_libtorch(images(3, channels));
    expect_as_libtorch(
        images(1, channels).contiguous(at::MemoryFormat::ChannelsLast));
  }
}

TEST_P(MaxPool, GivesNaNWhereAWindowHasOne) {
  auto x = images(2, 37);
  x.index_put_({1, torch::arange(0, 37, 3), shape().height / 2, 0},
               std::numeric_limits<double>::quiet_NaN());
  x.index_put_({0, 5, 0, shape().width - 1},
               -std::numeric_limits<double>::infinity());
  expect_as_libtorch(x);
}

INSTANTIATE_TEST_SUITE_P(
    All, MaxPool,
    testing::Combine(testing::ValuesIn(kCases),
                     testing::Values(at::kDouble, at::kFloat, at::kBFloat16)),
    [](const auto& one) {
      return std::string(std::get<0>(one.param).name) + "_" +
             c10::toString(std::get<1>(one.param));
    });

TEST(SuitsMaxPool, WindowsOfUpToNinePixels) {
  EXPECT_TRUE(suits_max_pool({{1, 9}, {1, 1}, {0, 4}}));
  EXPECT_FALSE(suits_max_pool({{2, 5}, {1, 1}, {1, 2}}));
}

}  // namespace
}  // namespace skipzoo
