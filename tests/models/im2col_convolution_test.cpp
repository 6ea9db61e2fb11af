// Convolutions of few pixels, against LibTorch's in double.

#include "models/kernels/algorithms/im2col_convolution.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "models/kernels/ops/inference.h"
#include "tests/support/calls.h"
#include "tests/support/distance.h"

namespace skipzoo {
namespace {

struct FewPixels {
  int64_t images, in, out, height, width, kernel, stride;
  ExtraPadding padding = {};

  torch::Tensor random_images() const {
    return torch::randn({images, in, height, width})
        .contiguous(at::MemoryFormat::ChannelsLast);
  }
  torch::Tensor expected(const torch::Tensor& x, const torch::Tensor& weight,
                         const torch::Tensor& bias) const {
    return torch::conv2d(padded(x, padding).to(torch::kDouble),
                         weight.to(torch::kDouble), bias.to(torch::kDouble),
                         stride);
  }
};

/// Channels that are none of a vector and fewer than one, one pixel and rows
/// that are no multiple of a block's, more rows than a block has, strides that
/// leave pixels out, kernels that lie in the padding or reach over the image;
/// of 1x1 kernels, which read images in place, weights that are one panel or
/// several, and more outputs than one may have.
const FewPixels kFewPixels[] = {
    {1, 1, 1, 1, 1, 1, 1},
    {1, 3, 10, 5, 7, 3, 2, {0, 0, 1, 1}},
    {1, 33, 40, 2, 2, 3, 1, {1, 1, 1, 1}},
    {1, 256, 256, 2, 2, 3, 1, {1, 1, 1, 1}},
    {3, 64, 35, 4, 3, 3, 2, {1, 0, 0, 1}},
    {2, 16, 16, 9, 11, 1, 2},
    {1, 17, 100, 16, 16, 1, 1},
    {1, 16, 64, 7, 7, 1, 1},
    {1, 256, 72, 7, 9, 1, 1},
    {2, 2, 1030, 3, 3, 1, 1},
    {1, 1100, 70, 7, 7, 1, 1},
    {1, 3, 31, 16, 15, 7, 2, {3, 3, 3, 3}},
    {5, 8, 48, 1, 1, 3, 1, {1, 1, 1, 1}},
    {1, 12, 20, 3, 3, 3, 1, {4, 4, 4, 4}},
    {1, 12, 20, 2, 9, 5, 3, {2, 0, 3, 1}},
};

std::vector<std::pair<FewPixels, at::ScalarType>> few_pixels_of_types() {
  std::vector<std::pair<FewPixels, at::ScalarType>> all;
  for (const auto& c : kFewPixels) {
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      all.emplace_back(c, type);
    }
  }
  return all;
}

TEST(Im2colConvolution, EqualsTheReference) {
  const int threads = at::get_num_threads();
  for (const int count : {1, 4}) {
    at::set_num_threads(count);
    for (const auto& [c, type] : few_pixels_of_types()) {
      torch::manual_seed(1);
      const auto weight = torch::randn({c.out, c.in, c.kernel, c.kernel}, type);
      const auto bias = torch::randn({c.out});
      Im2colConvolution convolution(weight, bias, c.stride, c.padding);
      // Its buffers are for one size until another comes.
      for (const int64_t higher : {0, 1, 0}) {
        FewPixels of_size = c;
        of_size.height += higher;
        const auto x = of_size.random_images().to(type);
        const auto plain = c.expected(x, weight, bias);
        // A result of bfloat16 has eight bits.
        const double most = (type == at::kFloat ? 1e-5 : 4e-3) *
                            std::max(plain.norm().item<double>(), 1.0);
        const auto found = convolution(x, /*relu=*/false);
        ASSERT_EQ(found.sizes(), plain.sizes());
        ASSERT_EQ(found.scalar_type(), type);
        EXPECT_LE(distance(found, plain), most);
        EXPECT_LE(distance(convolution(x, /*relu=*/true), plain.relu()), most);
        const auto other = torch::randn_like(found);
        const auto sum = plain + other.to(torch::kDouble);
        EXPECT_LE(distance(convolution.add_to(other.clone(), x, false), sum),
                  most);
        EXPECT_LE(
            distance(convolution.add_to(other.clone(), x, true), sum.relu()),
            most);
      }
    }
  }
  at::set_num_threads(threads);
}

TEST(Im2colConvolution, IsTakenForFewPixelsBeforeAndAfterMany) {
  for (const bool many_first : {false, true}) {
    torch::manual_seed(2);
    const auto weight = torch::randn({48, 40, 1, 1});
    const auto bias = torch::randn({48});
    PackedConvolution convolution(
        weight, bias,
        {.padding = {0, 0}, .stride = {2, 2}, .dilation = {1, 1}});
    const auto run = [&](int64_t images) {
      const FewPixels c{images, 40, 48, 8, 8, 1, 2};
      const auto x = c.random_images();
      const Calls calls("skipzoo::im2col_convolution");
      const auto found = convolution(x, /*relu=*/false);
      const auto expected = c.expected(x, weight, bias);
      EXPECT_LE(distance(found, expected),
                1e-5 * expected.norm().item<double>());
      return calls.count();
    };
    if (many_first) {
      EXPECT_EQ(run(100), 0);
    }
    EXPECT_EQ(run(1), 1);
    EXPECT_EQ(run(100), 0);
    EXPECT_EQ(run(1), 1);
  }
}

TEST(Im2colConvolution, SuitsNoImageThatAKernelDoesNotFit) {
  EXPECT_FALSE(Im2colConvolution::suits({1, 8, 2, 2}, {8, 8, 3, 3}, 1, {}));
  EXPECT_TRUE(
      Im2colConvolution::suits({1, 8, 2, 2}, {8, 8, 3, 3}, 1, {1, 1, 1, 1}));
}

}  // namespace
}  // namespace skipzoo
