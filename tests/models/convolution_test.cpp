// Convolutions by Winograd's algorithm against LibTorch's, forward and
// backward.

#include "models/kernels/ops/convolution.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <limits>

#include "models/kernels/simd/processor.h"
#include "tests/support/distance.h"

namespace skipzoo {
namespace {

namespace nn = torch::nn;

struct Case {
  int64_t images, in, out, height, width;
  at::ScalarType type;
};

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  const auto& c = info.param;
  std::string name = c10::toString(c.type);
  for (const auto size : {c.images, c.in, c.out, c.height, c.width}) {
    name += "_" + std::to_string(size);
  }
  return name;
}

/// Whole tiles and parts of some, one image, channels that are no multiple of a
/// vector or a panel, and so few tiles that threads share them by channels, or
/// by elements of a tile.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    all.push_back({8, 16, 16, 16, 16, type});
    all.push_back({1, 32, 48, 47, 45, type});
    all.push_back({70, 19, 33, 5, 7, type});
    all.push_back({160, 16, 17, 3, 3, type});
    all.push_back({2, 24, 100, 64, 61, type});
    if (type == at::kBFloat16) continue;
    all.push_back({1, 16, 100, 30, 23, type});
    all.push_back({2, 48, 64, 16, 17, type});
  }
  return all;
}

torch::Tensor random(at::IntArrayRef shape, at::ScalarType type,
                     at::ScalarType compute) {
  return torch::randn(shape, torch::kDouble)
      .to(type)
      .to(compute)
      .contiguous(at::MemoryFormat::ChannelsLast)
      .requires_grad_();
}

nn::Conv2d conv3x3_of(int64_t in, int64_t out) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 3).padding(1).bias(false));
}

/// Whether Winograd's algorithm made y.
bool is_winograd(const torch::Tensor& y) {
  return y.grad_fn()->name().find("Winograd") != std::string::npos;
}

/// Without AVX2, and with AMX in bfloat16, LibTorch's convolution is faster.
bool uses_winograd(at::ScalarType type) {
  return has_avx2() && (type != at::kBFloat16 || !has_amx());
}

struct Outcome {
  torch::Tensor y, dx, dweight;
};

/// The numbers are those of the case's type, whatever computes.
Outcome run(const Case& c, Kernels kernels, at::ScalarType compute) {
  torch::manual_seed(1);
  auto conv = conv3x3_of(c.in, c.out);
  conv->to(c.type);
  conv->to(compute);
  auto x = random({c.images, c.in, c.height, c.width}, c.type, compute);
  const auto y = convolution(x, conv, kernels);
  EXPECT_EQ(is_winograd(y),
            kernels == Kernels::kFused && uses_winograd(compute));
  const auto g =
      random({c.images, c.out, c.height, c.width}, c.type, compute).detach();
  y.backward(g);
  return {y, x.grad(), conv->weight.grad()};
}

class Winograd : public testing::TestWithParam<Case> {};

TEST_P(Winograd, EqualsTheReference) {
  const Case& c = GetParam();
  const auto found = run(c, Kernels::kFused, c.type);
  const auto reference = run(c, Kernels::kReference, c.type);
  const auto exact = run(c, Kernels::kReference, at::kDouble);
  const auto expect_equal = [&](const char* name, torch::Tensor Outcome::*of) {
    const auto& a = found.*of;
    const auto& b = reference.*of;
    ASSERT_EQ(a.sizes(), b.sizes()) << name;
    EXPECT_EQ(a.scalar_type(), b.scalar_type()) << name;
    const auto& truth = exact.*of;
    if (c.type == at::kBFloat16) {  // Nothing but the result is rounded.
      EXPECT_LE(distance(a, truth), 1.01 * distance(b, truth)) << name;
      return;
    }
    const double norm = truth.norm().item<double>();
    EXPECT_LE(distance(a, truth), (c.type == at::kDouble ? 1e-12 : 1e-5) * norm)
        << name;
  };
  expect_equal("y", &Outcome::y);
  expect_equal("dx", &Outcome::dx);
  expect_equal("dweight", &Outcome::dweight);
}

TEST_P(Winograd, IsBitEqualWhenRunAgain) {
  const Case& c = GetParam();
  const auto one = run(c, Kernels::kFused, c.type);
  const auto other = run(c, Kernels::kFused, c.type);
  EXPECT_TRUE(torch::equal(one.y, other.y));
  EXPECT_TRUE(torch::equal(one.dx, other.dx));
  EXPECT_TRUE(torch::equal(one.dweight, other.dweight));
}

INSTANTIATE_TEST_SUITE_P(Kernels, Winograd, testing::ValuesIn(cases()),
                         name_of_case);

TEST(WinogradConvolution, TakesTheTypeThatAutocastAsksFor) {
  auto conv = conv3x3_of(16, 32);
  auto x = random({8, 16, 17, 16}, at::kFloat, at::kFloat);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const auto y = convolution(x, conv, Kernels::kFused);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(is_winograd(y), uses_winograd(at::kBFloat16));
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  y.sum().backward();
  EXPECT_EQ(x.grad().scalar_type(), at::kFloat);
  EXPECT_EQ(conv->weight.grad().scalar_type(), at::kFloat);
  EXPECT_LE(distance(y, conv(x)), 1e-2 * conv(x).norm().item<double>());
}

TEST(WinogradConvolution, KeepsWhatIsNoNumberInItsImage) {
  auto conv = conv3x3_of(16, 16);
  auto x = random({40, 16, 5, 7}, at::kFloat, at::kFloat).detach();
  const auto clean = convolution(x, conv, Kernels::kFused);
  ASSERT_EQ(is_winograd(clean), uses_winograd(at::kFloat));
  auto dirty = x.clone();
  for (int64_t image = 0; image < 40; image += 2) {
    dirty[image].fill_(std::numeric_limits<float>::quiet_NaN());
  }
  const auto y = convolution(dirty, conv, Kernels::kFused);
  for (int64_t image = 0; image < 40; ++image) {
    if (image % 2 == 0) {
      EXPECT_TRUE(y[image].isnan().all().item<bool>());
    } else {
      EXPECT_TRUE(torch::equal(y[image], clean[image])) << image;
    }
  }
}

TEST(WinogradConvolution, LeavesToLibTorchWhatItIsNotFor) {
  const auto x = random({8, 16, 17, 16}, at::kFloat, at::kFloat);
  const auto runs = [&](const nn::Conv2dOptions& options,
                        const torch::Tensor& images) {
    nn::Conv2d conv(options);
    const auto y = convolution(images, conv, Kernels::kFused);
    EXPECT_TRUE(torch::equal(y, conv(images)) || is_winograd(y));
    return is_winograd(y);
  };
  const auto plain = nn::Conv2dOptions(16, 16, 3).padding(1).bias(false);
  auto options = plain;
  EXPECT_EQ(runs(plain, x), uses_winograd(at::kFloat));
  EXPECT_EQ(runs(options.bias(true), x), uses_winograd(at::kFloat));
  EXPECT_FALSE(runs((options = plain).stride(2), x));
  EXPECT_FALSE(runs((options = plain).dilation(2), x));
  EXPECT_FALSE(runs((options = plain).groups(2), x));
  EXPECT_FALSE(runs((options = plain).padding(0), x));
  EXPECT_FALSE(runs((options = plain).padding_mode(torch::kCircular), x));
  EXPECT_FALSE(runs(nn::Conv2dOptions(16, 16, 5).padding(2).bias(false), x));
  EXPECT_FALSE(runs(plain, x.contiguous()));     // (N, C, H, W) in memory.
  EXPECT_FALSE(runs(plain, x.narrow(0, 0, 1)));  // Too few tiles.
  EXPECT_FALSE(runs((options = plain).out_channels(7), x));
  const ReferenceOnly reference_only;
  EXPECT_FALSE(runs(plain, x));
}

// What a processor without instructions for bfloat16 does; here by any.
TEST(ConvolutionInFloat, RoundsWhatItReadsAndGivesAlone) {
  for (const bool bias : {false, true}) {
    nn::Conv2d conv(nn::Conv2dOptions(8, 12, {3, 1})
                        .stride({2, 1})
                        .padding({1, 2})
                        .dilation({1, 2})
                        .groups(4)
                        .bias(bias));
    const auto x = random({3, 8, 9, 7}, at::kBFloat16, at::kBFloat16);
    const auto wide = x.detach().to(at::kFloat).requires_grad_();
    const auto y = convolution_in_float(x, *conv);
    const auto expected = conv(wide);
    EXPECT_EQ(y.scalar_type(), at::kBFloat16);
    EXPECT_TRUE(torch::equal(y, expected.to(at::kBFloat16)));

    const auto dy = torch::randn_like(y);
    y.backward(dy);
    const auto weight = conv->weight.grad().clone();
    const auto dbias = bias ? conv->bias.grad().clone() : torch::Tensor();
    conv->zero_grad();
    expected.backward(dy.to(at::kFloat));
    EXPECT_TRUE(torch::equal(x.grad(), wide.grad().to(at::kBFloat16)));
    EXPECT_TRUE(torch::equal(weight, conv->weight.grad()));
    if (bias) {
      EXPECT_TRUE(torch::equal(dbias, conv->bias.grad()));
    }
  }
}

// oneDNN would write behind the weight's gradient, which only shows in a heap
// that is broken later: so what is looked at is who leaves out the pixels.
TEST(ConvolutionInFloat, OfFewChannelsReadsEverySecondPixelOfACopy) {
  nn::Conv2d conv(nn::Conv2dOptions(1, 48, 1).stride(2));
  const auto x = random({3, 1, 7, 9}, at::kBFloat16, at::kBFloat16);
  const auto wide = x.detach().to(at::kDouble).requires_grad_();
  const auto weight = conv->weight.detach().to(at::kDouble).requires_grad_();
  const auto y = convolution_in_float(x, *conv);
  const auto reads = y.grad_fn()->next_edge(0).function;
  EXPECT_NE(reads, x.grad_fn() ? x.grad_fn()
                               : torch::autograd::impl::grad_accumulator(x));
  const auto expected = torch::conv2d(wide, weight, {}, 2) +
                        conv->bias.detach().to(at::kDouble).reshape({-1, 1, 1});
  EXPECT_LE(distance(y, expected), 1e-2 * expected.norm().item<double>());
  const auto dy = torch::randn_like(y);
  y.backward(dy);
  expected.backward(dy.to(at::kDouble));
  EXPECT_LE(distance(conv->weight.grad(), weight.grad()),
            1e-5 * weight.grad().norm().item<double>());
  EXPECT_LE(distance(x.grad(), wide.grad()),
            1e-2 * wide.grad().norm().item<double>());
}

TEST(Convolution, OfImagesOfOneChannelAnswersChannelsLast) {
  torch::manual_seed(4);
  nn::Conv2d conv(nn::Conv2dOptions(1, 6, 3).padding(1));
  // In memory, these are of either layout.
  const auto x = torch::randn({2, 1, 8, 7}).requires_grad_();
  const auto other = x.detach().clone().requires_grad_();
  ASSERT_TRUE(x.is_contiguous(at::MemoryFormat::ChannelsLast));
  const auto y = convolution(x, conv, Kernels::kFused);
  EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
  const auto expected = conv(other);
  EXPECT_LE(distance(y, expected), 1e-5 * expected.norm().item<double>());
  const auto dy = torch::randn_like(y);
  y.backward(dy);
  expected.backward(dy);
  EXPECT_LE(distance(x.grad(), other.grad()),
            1e-5 * other.grad().norm().item<double>());
}

}  // namespace
}  // namespace skipzoo
