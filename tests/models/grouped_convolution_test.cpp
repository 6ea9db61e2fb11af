// 3x3 convolutions in groups of few channels, against LibTorch's in double.

#include "models/kernels/algorithms/grouped_convolution.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "models/kernels/ops/convolution.h"
#include "models/kernels/ops/inference.h"
#include "models/kernels/simd/processor.h"
#include "tests/support/distance.h"

namespace skipzoo {
namespace {

namespace nn = torch::nn;
using torch::Tensor;

struct Grouped {
  int64_t images, channels, group, height, width, stride;
};

/// Groups of half a vector, one and more; channels that fill a block and that
/// do not; images of one pixel, row or column; tiles of every number of pixels;
/// more rows than a block has; strides that end on a pixel and beside one.
std::vector<Grouped> grouped_cases() {
  std::vector<Grouped> all;
  for (const int64_t stride : {1, 2}) {
    for (const int64_t group : {4, 8, 16, 24, 32}) {
      for (int64_t width = 1; width <= 14; ++width) {
        all.push_back({1, 2 * group, group, 3, width, stride});
      }
      all.push_back({3, 2 * group, group, 1, 1, stride});
      all.push_back({2, 6 * group, group, 9, 8, stride});
      all.push_back({2, 10 * group, group, 6, 1, stride});
      all.push_back({1, 4 * group, group, 1, 7, stride});
      all.push_back({1, 4 * group, group, 41, 60, stride});
      all.push_back({2, 2 * group, group, 140, 61, stride});
    }
  }
  return all;
}

std::string name_of(const Grouped& c) {
  std::string name;
  for (const auto number :
       {c.images, c.channels, c.group, c.height, c.width, c.stride}) {
    name += " " + std::to_string(number);
  }
  return name;
}

bool are_ours() {
  const auto shape = grouped_shape(
      {1, 8, 4, 4}, {8, 4, 3, 3}, at::kFloat,
      {.padding = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 2});
  return shape.has_value();
}

nn::Conv2d conv_of(const Grouped& c, at::ScalarType type) {
  torch::manual_seed(3);
  nn::Conv2d conv(nn::Conv2dOptions(c.channels, c.channels, 3)
                      .stride(c.stride)
                      .padding(1)
                      .groups(c.channels / c.group));
  conv->to(type);
  return conv;
}

Tensor images_of(const Grouped& c, at::ScalarType type) {
  torch::manual_seed(4);
  return torch::randn({c.images, c.channels, c.height, c.width})
      .to(type)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

struct Gradients {
  Tensor y, dx, dweight, dbias;
};

Gradients run(const Grouped& c, at::ScalarType type, Kernels kernels) {
  auto conv = conv_of(c, type);
  auto x = images_of(c, type).requires_grad_();
  const auto y = convolution(x, conv, kernels);
  EXPECT_EQ(y.grad_fn()->name().find("Grouped") != std::string::npos,
            kernels == Kernels::kFused && type == at::kFloat && are_ours());
  torch::manual_seed(5);
  (y * torch::randn(y.sizes()).to(type)).sum().backward();
  return {y.detach(), x.grad(), conv->weight.grad(), conv->bias.grad()};
}

void expect_near(const char* what, const Tensor& found,
                 const Tensor& expected) {
  ASSERT_EQ(found.sizes(), expected.sizes()) << what;
  EXPECT_LE(distance(found, expected),
            1e-5 * std::max(expected.norm().item<double>(), 1.0))
      << what;
}

TEST(GroupedConvolution, EqualsTheReference) {
  const int threads = at::get_num_threads();
  for (const int count : {1, 4}) {
    at::set_num_threads(count);
    for (const auto& c : grouped_cases()) {
      SCOPED_TRACE(name_of(c) + ", threads " + std::to_string(count));
      const auto found = run(c, at::kFloat, Kernels::kFused);
      const auto expected = run(c, at::kDouble, Kernels::kReference);
      EXPECT_EQ(found.y.scalar_type(), at::kFloat);
      expect_near("y", found.y, expected.y);
      expect_near("dx", found.dx, expected.dx);
      expect_near("dweight", found.dweight, expected.dweight);
      expect_near("dbias", found.dbias, expected.dbias);
    }
  }
  at::set_num_threads(threads);
}

TEST(GroupedConvolution, IsTheSameForAnyNumberOfThreads) {
  if (!are_ours()) GTEST_SKIP() << "LibTorch's";
  const int threads = at::get_num_threads();
  for (const int64_t stride : {1, 2}) {
    const Grouped c{7, 64, 4, 12, 13, stride};
    at::set_num_threads(1);
    const auto one = run(c, at::kFloat, Kernels::kFused);
    at::set_num_threads(4);
    const auto four = run(c, at::kFloat, Kernels::kFused);
    const auto again = run(c, at::kFloat, Kernels::kFused);
    EXPECT_TRUE(torch::equal(one.y, four.y));
    EXPECT_TRUE(torch::equal(one.dx, four.dx));
    EXPECT_TRUE(torch::equal(again.dweight, four.dweight));
  }
  at::set_num_threads(threads);
}

TEST(GroupedConvolution, InEvaluationTakesAdditionsAndReLUs) {
  for (const auto& c : grouped_cases()) {
    if (c.width % 3 != 1) continue;
    SCOPED_TRACE(name_of(c));
    const torch::NoGradGuard no_grad;
    auto conv = conv_of(c, at::kFloat);
    PackedConvolution packed(conv->weight.clone(at::MemoryFormat::ChannelsLast),
                             conv->bias.clone(),
                             {.padding = {1, 1},
                              .stride = {c.stride, c.stride},
                              .dilation = {1, 1},
                              .groups = c.channels / c.group});
    const auto x = images_of(c, at::kFloat);
    conv->to(at::kDouble);
    const auto plain = conv(x.to(at::kDouble));
    expect_near("plain", packed(x, /*relu=*/false), plain);
    expect_near("relu", packed(x, /*relu=*/true), plain.relu());
    const auto other =
        torch::randn(plain.sizes()).contiguous(at::MemoryFormat::ChannelsLast);
    const auto sum = plain + other.to(at::kDouble);
    expect_near("sum", packed.add_to(other.clone(), x, false), sum);
    expect_near("relu of the sum", packed.add_to(other.clone(), x, true),
                sum.relu());
    // In another layout, it is LibTorch's again.
    expect_near("rows", packed(x.contiguous(), /*relu=*/false), plain);
  }
}

TEST(GroupedConvolution, KeepsANaNInItsGroup) {
  if (!are_ours()) GTEST_SKIP() << "LibTorch's, whose ReLU may lose it";
  for (const int64_t group : {4, 8}) {
    const Grouped c{1, 16, group, 5, 5, 1};
    auto conv = conv_of(c, at::kFloat);
    const torch::NoGradGuard no_grad;
    PackedConvolution packed(
        conv->weight.contiguous(at::MemoryFormat::ChannelsLast), conv->bias,
        {.padding = {1, 1},
         .stride = {1, 1},
         .dilation = {1, 1},
         .groups = c.channels / group});
    auto x = images_of(c, at::kFloat);
    x[0][group][2][2] = std::numeric_limits<float>::quiet_NaN();
    // Its own group's results around it, behind a ReLU too, and no other's.
    const auto is_nan = packed(x, /*relu=*/true).isnan();
    EXPECT_EQ(is_nan.sum().item<int64_t>(), 9 * group);
    EXPECT_TRUE(is_nan.narrow(1, group, group)
                    .narrow(2, 1, 3)
                    .narrow(3, 1, 3)
                    .all()
                    .item<bool>());
  }
}

TEST(GroupedConvolution, IsNotForOthers) {
  struct Options {
    std::vector<int64_t> weight{32, 4, 3, 3}, padding{1, 1}, stride{1, 1},
        dilation{1, 1};
    int64_t groups = 8, channels = 32;
    at::ScalarType type = at::kFloat;
    ExtraPadding extra = {};
  };
  const auto takes = [](const Options& o) {
    return grouped_shape({2, o.channels, 8, 8}, o.weight, o.type,
                         {.padding = o.padding,
                          .stride = o.stride,
                          .dilation = o.dilation,
                          .groups = o.groups,
                          .extra = o.extra})
        .has_value();
  };
  EXPECT_EQ(takes({}), are_ours());
  EXPECT_FALSE(takes({.weight = {32, 4, 5, 5}}));
  EXPECT_FALSE(takes({.padding = {0, 0}}));
  EXPECT_FALSE(takes({.stride = {1, 2}}));
  EXPECT_FALSE(takes({.stride = {3, 3}}));
  EXPECT_FALSE(takes({.dilation = {2, 2}}));
  EXPECT_FALSE(takes({.extra = {0, 0, 1, 1}}));
  EXPECT_FALSE(takes({.type = at::kDouble}));
  EXPECT_FALSE(takes({.type = at::kBFloat16}));
  EXPECT_FALSE(takes({.channels = 64}));           // Not the weight's.
  EXPECT_FALSE(takes({.weight = {64, 4, 3, 3}}));  // More out than in.
  EXPECT_FALSE(takes({.weight = {32, 32, 3, 3}, .groups = 1}));
  EXPECT_FALSE(takes({.weight = {12, 4, 3, 3}, .groups = 3, .channels = 12}));
  EXPECT_FALSE(takes({.weight = {32, 2, 3, 3}, .groups = 16}));
}

}  // namespace
}  // namespace skipzoo
