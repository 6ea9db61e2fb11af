// Convolutions by panels of output channels, against LibTorch's in double.

#include "models/kernels/algorithms/panel_convolution.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "models/kernels/simd/processor.h"
#include "tests/support/distance.h"

namespace skipzoo {
namespace {

struct ByPanels {
  int64_t images, in, out, height, width, kernel, stride;
  ExtraPadding padding = {1, 1, 1, 1};
};

/// Channels that are none of a vector or a panel, an odd number of them, more
/// than a panel's depth, rows of one pixel and of as many as a block has,
/// several images, kernels of other sizes, strides, uneven padding and none.
const ByPanels kByPanels[] = {
    {1, 1, 1, 1, 1, 3, 1},
    {1, 3, 16, 9, 11, 3, 1},
    {2, 16, 33, 5, 4, 3, 1},
    {1, 33, 70, 1, 7, 3, 1},
    {3, 7, 40, 6, 1, 3, 1},
    {1, 250, 96, 8, 8, 3, 1},
    {1, 3, 10, 8, 64, 3, 1},
    {1, 3, 10, 30, 17, 3, 2},
    {2, 17, 32, 9, 9, 3, 2},
    {1, 16, 33, 7, 8, 3, 2, {0, 0, 1, 1}},
    {1, 5, 8, 6, 5, 3, 2, {1, 0, 0, 1}},
    {1, 5, 65, 9, 8, 3, 1, {0, 0, 0, 0}},
    {1, 4, 20, 12, 13, 5, 3, {2, 1, 3, 0}},
    {1, 6, 20, 5, 7, 2, 1, {1, 0, 0, 0}},
};

void expect_equals_the_reference(const ByPanels& c, at::ScalarType type) {
  torch::manual_seed(1);
  const auto weight = torch::randn({c.out, c.in, c.kernel, c.kernel}, type);
  const auto bias = torch::randn({c.out});
  PanelConvolution convolution(weight, bias, c.stride, c.padding);
  // Its buffers are for one size until another comes.
  for (const int64_t more : {0, 1, 0}) {
    const auto x = torch::randn({c.images, c.in, c.height + more, c.width})
                       .to(type)
                       .contiguous(at::MemoryFormat::ChannelsLast);
    const auto plain = torch::conv2d(padded(x, c.padding).to(torch::kDouble),
                                     weight.to(torch::kDouble),
                                     bias.to(torch::kDouble), c.stride);
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
    EXPECT_LE(distance(convolution.add_to(other.clone(), x, false), sum), most);
    EXPECT_LE(distance(convolution.add_to(other.clone(), x, true), sum.relu()),
              most);
  }
}

TEST(PanelConvolution, EqualsTheReference) {
  const int threads = at::get_num_threads();
  for (const int count : {1, 4}) {
    at::set_num_threads(count);
    for (const auto& c : kByPanels) {
      for (const auto type : {at::kFloat, at::kBFloat16}) {
        expect_equals_the_reference(c, type);
      }
    }
  }
  at::set_num_threads(threads);
}

TEST(PanelConvolution, SuitsNoImageThatAKernelDoesNotFit) {
  EXPECT_FALSE(PanelConvolution::suits({1, 8, 2, 2}, {8, 8, 3, 3}, 1, {}));
  EXPECT_FALSE(PanelConvolution::suits({1, 512, 8, 8}, {64, 512, 3, 3}, 1,
                                       {-1, 1, 1, 1}));
  // A block has room for rows of 64 pixels.
  const auto of_width = [](int64_t width) {
    return static_cast<bool>(
        PanelConvolution::suits({1, 64, 3, width + 2}, {256, 64, 3, 3}, 1, {}));
  };
  EXPECT_EQ(of_width(64), has_avx512());
  EXPECT_FALSE(of_width(65));
}

}  // namespace
}  // namespace skipzoo
