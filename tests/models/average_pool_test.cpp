// Average pooling of our own against LibTorch's: means of one, two or four
// pixels, added up in the same order, are equal bit by bit.

#include "models/kernels/algorithms/average_pool.h"

#include <gtest/gtest.h>

#include <limits>

#include "models/kernels/blocking/allocate.h"

namespace skipzoo {
namespace {

struct Pooling {
  const char* name;
  std::vector<int64_t> stride;
  bool ceil_mode;
  int64_t height, width;
};

const Pooling kPoolings[] = {
    {"of_the_networks", {2, 2}, false, 12, 14},
    {"odd_image", {2, 2}, false, 7, 9},
    {"odd_image_to_its_end", {2, 2}, true, 7, 9},
    {"overlapping", {1, 1}, false, 5, 6},
    {"pixels_passed_over", {3, 3}, true, 7, 8},
    {"two_strides", {1, 3}, true, 4, 10},
    {"one_pixel", {2, 2}, true, 1, 1},
    {"one_row", {2, 2}, true, 1, 8},
    {"one_column", {2, 2}, true, 8, 1},
};

class AveragePool
    : public testing::TestWithParam<std::tuple<Pooling, at::ScalarType>> {
 protected:
  const Pooling& shape() const { return std::get<0>(GetParam()); }
  PoolWindow window() const {
    return {{2, 2}, shape().stride, {0, 0}, shape().ceil_mode};
  }
  torch::Tensor images(int64_t count, int64_t channels) const {
    torch::manual_seed(1);
    return torch::randn({count, channels, shape().height, shape().width})
        .to(std::get<1>(GetParam()));
  }
  torch::Tensor expected(const torch::Tensor& x) const {
    return torch::avg_pool2d(x, {2, 2}, shape().stride, /*padding=*/0,
                             shape().ceil_mode, /*count_include_pad=*/false);
  }
  void expect_as_libtorch(const torch::Tensor& x) const {
    ASSERT_TRUE(suits_average_pool(window()));
    const auto y =
        allocate_images(average_pool_sizes(x, window()), x.options());
    average_pool(x, window(), y);
    const auto right = expected(x.contiguous(at::MemoryFormat::ChannelsLast));
    ASSERT_EQ(y.sizes(), right.sizes());
    EXPECT_TRUE(torch::allclose(y, right, 0, 0, /*equal_nan=*/true));
  }
};

TEST_P(AveragePool, IsThatOfLibTorch) {
  // Channels that do and do not fill the vectors.
  for (const int64_t channels : {1, 16, 37, 64}) {
    SCOPED_TRACE(channels);
    expect_as_libtorch(images(3, channels));
    expect_as_libtorch(
        images(1, channels).contiguous(at::MemoryFormat::ChannelsLast));
  }
}

TEST_P(AveragePool, ReadsAndWritesSomeChannelsOfWiderImages) {
  const auto x =
      images(2, 40).contiguous(at::MemoryFormat::ChannelsLast).narrow(1, 3, 21);
  auto sizes = average_pool_sizes(x, window());
  sizes[1] = 30;
  const auto wide = allocate_images(sizes, x.options()).fill_(7);
  average_pool(x, window(), wide.narrow(1, 5, 21));
  EXPECT_TRUE(torch::equal(wide.narrow(1, 5, 21), expected(x)));
  EXPECT_TRUE((wide.narrow(1, 0, 5) == 7).all().item<bool>());
  EXPECT_TRUE((wide.narrow(1, 26, 4) == 7).all().item<bool>());
}

TEST_P(AveragePool, KeepsNaNAndInfinity) {
  auto x = images(2, 37);
  x.index_put_({1, torch::arange(0, 37, 3), shape().height / 2, 0},
               std::numeric_limits<double>::quiet_NaN());
  x.index_put_({0, 5, 0, shape().width - 1},
               -std::numeric_limits<double>::infinity());
  expect_as_libtorch(x);
}

INSTANTIATE_TEST_SUITE_P(
    All, AveragePool,
    testing::Combine(testing::ValuesIn(kPoolings),
                     testing::Values(at::kDouble, at::kFloat, at::kBFloat16)),
    [](const auto& one) {
      return std::string(std::get<0>(one.param).name) + "_" +
             c10::toString(std::get<1>(one.param));
    });

TEST(SuitsAveragePool, WindowsOfTwoByTwoWithoutABorder) {
  EXPECT_TRUE(suits_average_pool({{2, 2}, {1, 2}, {0, 0}}));
  EXPECT_FALSE(suits_average_pool({{3, 3}, {2, 2}, {0, 0}}));
  EXPECT_FALSE(suits_average_pool({{2, 2}, {2, 2}, {0, 1}}));
}

TEST(AveragePoolSizes, OfAnImageWithoutAWindowAreAnError) {
  EXPECT_THROW(
      average_pool_sizes(torch::zeros({1, 3, 1, 4}), {{2, 2}, {2, 2}, {0, 0}}),
      c10::Error);
}

}  // namespace
}  // namespace skipzoo
