// 3x3 convolutions of little work, against LibTorch's in double.

#include "models/kernels/algorithms/small_convolution.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/support/distance.h"

namespace skipzoo {
namespace {

struct LittleWork {
  int64_t images, in, out, height, width, stride;
  ExtraPadding padding = {1, 1, 1, 1};
  int64_t groups = 1;  ///< in and out are of all.
};

/// Channels that are none of a vector, an odd number of them, images of one
/// pixel and of one row, several images, strides with and without padding,
/// groups that fill a vector together and by themselves.
const LittleWork kLittleWork[] = {
    {1, 1, 1, 1, 1, 1},
    {1, 3, 16, 9, 11, 1},
    {2, 16, 16, 5, 4, 1},
    {1, 33, 20, 1, 7, 1},
    {3, 7, 40, 6, 1, 1},
    {1, 3, 10, 8, 7, 2},
    {2, 17, 32, 9, 9, 2},
    {1, 16, 33, 7, 8, 2, {0, 0, 1, 1}},
    {1, 5, 8, 6, 5, 2, {1, 0, 0, 1}},
    {1, 16, 16, 5, 7, 1, {1, 1, 1, 1}, 16},
    {2, 32, 32, 9, 6, 1, {1, 1, 1, 1}, 8},
    {1, 48, 48, 8, 8, 2, {1, 1, 1, 1}, 6},
    {1, 32, 32, 6, 9, 2, {0, 0, 1, 1}, 2},
    {1, 96, 96, 4, 4, 1, {1, 1, 1, 1}, 3},
    {1, 32, 64, 5, 5, 1, {1, 1, 1, 1}, 4},
};

void expect_equals_the_reference(const LittleWork& c, at::ScalarType type) {
  torch::manual_seed(1);
  const auto weight = torch::randn({c.out, c.in / c.groups, 3, 3}, type);
  const auto bias = torch::randn({c.out});
  SmallConvolution convolution(weight, bias, c.stride, c.padding, nullptr,
                               c.groups);
  // Its buffers are for one size until another comes.
  for (const int64_t more : {0, 1, 0}) {
    const auto x = torch::randn({c.images, c.in, c.height + more, c.width})
                       .to(type)
                       .contiguous(at::MemoryFormat::ChannelsLast);
    const at::DimVector none{0}, one{1}, strides{c.stride};
    const auto plain = torch::conv2d(
        padded(x, c.padding).to(torch::kDouble), weight.to(torch::kDouble),
        bias.to(torch::kDouble), strides, none, one, c.groups);
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

TEST(SmallConvolution, EqualsTheReference) {
  const int threads = at::get_num_threads();
  for (const int count : {1, 4}) {
    at::set_num_threads(count);
    for (const auto& c : kLittleWork) {
      for (const auto type : {at::kFloat, at::kBFloat16}) {
        expect_equals_the_reference(c, type);
      }
    }
  }
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace skipzoo
