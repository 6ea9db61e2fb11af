// Convolutions of small planes and with strides, and those whose bias a
// BatchNorm takes, against LibTorch's, forward and backward.

#include "models/kernels/algorithms/implicit_gemm.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "models/kernels/ops/convolution.h"
#include "models/kernels/simd/processor.h"
#include "models/ops.h"
#include "tests/support/distance.h"

namespace skipzoo {
namespace {

namespace nn = torch::nn;

struct Case {
  int64_t images, in, out, height, width, kernel, stride, padding;
  ExtraPadding extra = {};
  at::ScalarType type = at::kDouble;
};

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  const auto& c = info.param;
  std::string name = c10::toString(c.type);
  for (const auto number :
       {c.images, c.in, c.out, c.height, c.width, c.kernel, c.stride, c.padding,
        c.extra.top, c.extra.left, c.extra.bottom, c.extra.right}) {
    name += "_" + std::to_string(number);
  }
  return name;
}

/// Images that are no multiple of a block's rows, channels that are none of a
/// vector, planes of one pixel, taps that lie in the padding altogether,
/// strides that leave pixels out, padding that is uneven.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto type : {at::kDouble, at::kFloat}) {
    for (Case c :
         {Case{32, 32, 32, 8, 8, 3, 2, 1}, Case{67, 33, 40, 7, 5, 3, 2, 1},
          Case{34, 40, 50, 2, 2, 3, 1, 1}, Case{33, 32, 35, 1, 1, 3, 1, 1},
          Case{35, 32, 33, 4, 3, 3, 1, 2}, Case{130, 48, 32, 9, 8, 1, 2, 0},
          Case{37, 32, 32, 11, 13, 2, 3, 0}, Case{32, 32, 32, 3, 3, 3, 1, 0},
          Case{36, 32, 48, 6, 6, 3, 2, 0, {0, 0, 1, 1}},
          Case{33, 36, 32, 5, 7, 3, 2, 1, {1, 0, 0, 2}},
          Case{33, 36, 32, 7, 5, 3, 2, 1, {0, 1, 2, 0}},
          Case{32, 32, 32, 17, 16, 3, 2, 1}, Case{8, 8, 8, 8, 8, 3, 2, 1},
          Case{9, 10, 9, 7, 5, 3, 2, 1}, Case{11, 13, 8, 2, 2, 3, 1, 1},
          Case{31, 15, 17, 4, 3, 3, 1, 2}, Case{8, 24, 20, 8, 7, 1, 2, 0}}) {
      c.type = type;
      all.push_back(c);
    }
  }
  return all;
}

struct Outcome {
  torch::Tensor y, dx, dweight, dbias;
};

Outcome run(const Case& c, Kernels kernels, bool bias) {
  torch::manual_seed(1);
  nn::Conv2d conv(nn::Conv2dOptions(c.in, c.out, c.kernel)
                      .stride(c.stride)
                      .padding(c.padding)
                      .bias(bias));
  conv->to(c.type);
  auto x = torch::randn({c.images, c.in, c.height, c.width}, c.type)
               .contiguous(at::MemoryFormat::ChannelsLast)
               .requires_grad_();
  const auto y = convolution(x, conv, kernels, c.extra);
  EXPECT_EQ(y.grad_fn()->name().find("ImplicitGemm") != std::string::npos,
            kernels == Kernels::kFused && has_avx2());
  (y * torch::randn(y.sizes(), c.type)).sum().backward();
  return {y, x.grad(), conv->weight.grad(),
          bias ? conv->bias.grad() : torch::Tensor()};
}

/// The same of bfloat16, by the kernels themselves: convolution() leaves it to
/// LibTorch where the processor does not multiply it.
Outcome run_in_bfloat16(const Case& c, const ConvolutionShape& shape) {
  torch::manual_seed(1);
  const auto like = [&](at::IntArrayRef sizes) {
    return torch::randn(sizes)
        .to(torch::kBFloat16)
        .contiguous(at::MemoryFormat::ChannelsLast);
  };
  const auto x = like({c.images, c.in, c.height, c.width});
  const auto weight = like({c.out, c.in, c.kernel, c.kernel});
  const auto y = empty_result(x, shape), dy = like(y.sizes());
  implicit_gemm(x, pack_kernel_rows(weight, torch::kBFloat16), shape,
                {.images = y});
  return {y, implicit_gemm_input_gradient(dy, weight, shape),
          implicit_gemm_weight_gradient(x, dy, shape), torch::Tensor()};
}

Outcome expected_of_bfloat16(const Case& c, at::IntArrayRef y_sizes) {
  torch::manual_seed(1);
  const auto like = [&](at::IntArrayRef sizes) {
    return torch::randn(sizes).to(torch::kBFloat16).to(torch::kDouble);
  };
  const auto x = like({c.images, c.in, c.height, c.width}).requires_grad_();
  const auto weight = like({c.out, c.in, c.kernel, c.kernel}).requires_grad_();
  const auto y = torch::conv2d(
      padded(x, {c.extra.top + c.padding, c.extra.left + c.padding,
                 c.extra.bottom + c.padding, c.extra.right + c.padding}),
      weight, {}, c.stride);
  y.backward(like(y_sizes));
  return {y.detach(), x.grad(), weight.grad(), torch::Tensor()};
}

class ImplicitGemmConvolution : public testing::TestWithParam<Case> {};

TEST(ImplicitGemmConvolution, InBfloat16EqualsTheReference) {
  if (!has_avx2()) GTEST_SKIP() << "left to LibTorch";
  int tried = 0;
  const int threads = at::get_num_threads();
  for (const int count : {1, 4}) {
    at::set_num_threads(count);
    for (const Case& c : cases()) {
      if (c.type != at::kFloat || c.in % 2 != 0 || c.out % 2 != 0) continue;
      ++tried;
      const std::vector<int64_t> both_padding(2, c.padding);
      const std::vector<int64_t> both_strides(2, c.stride);
      const std::vector<int64_t> ones(2, 1);
      const auto shape =
          implicit_gemm_shape({c.images, c.in, c.height, c.width},
                              {c.out, c.in, c.kernel, c.kernel}, at::kFloat,
                              {both_padding, both_strides, ones, 1, c.extra});
      ASSERT_TRUE(shape);
      const auto found = run_in_bfloat16(c, *shape);
      const auto expected = expected_of_bfloat16(c, found.y.sizes());
      const auto expect_near = [](const torch::Tensor& a,
                                  const torch::Tensor& b, double most) {
        ASSERT_EQ(a.sizes(), b.sizes());
        EXPECT_LE(distance(a, b), most * b.norm().item<double>());
      };
      // A result of bfloat16 has eight bits; the weight's gradient is float.
      expect_near(found.y, expected.y, 4e-3);
      expect_near(found.dx, expected.dx, 4e-3);
      EXPECT_EQ(found.dweight.scalar_type(), at::kFloat);
      expect_near(found.dweight, expected.dweight, 1e-5);
    }
  }
  at::set_num_threads(threads);
  EXPECT_GE(tried, 10);
}

TEST_P(ImplicitGemmConvolution, EqualsTheReference) {
  const Case& c = GetParam();
  for (const bool bias : {false, true}) {
    const auto fused = run(c, Kernels::kFused, bias);
    const auto reference = run(c, Kernels::kReference, bias);
    const auto expect_near = [&](const char* what, const torch::Tensor& found,
                                 const torch::Tensor& expected) {
      ASSERT_EQ(found.sizes(), expected.sizes()) << what;
      EXPECT_EQ(found.scalar_type(), expected.scalar_type()) << what;
      EXPECT_LE(distance(found, expected),
                (c.type == at::kDouble ? 1e-12 : 1e-5) *
                    std::max(expected.norm().item<double>(), 1.0))
          << what;
    };
    expect_near("y", fused.y, reference.y);
    expect_near("dx", fused.dx, reference.dx);
    expect_near("dweight", fused.dweight, reference.dweight);
    if (bias) expect_near("dbias", fused.dbias, reference.dbias);
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, ImplicitGemmConvolution,
                         testing::ValuesIn(cases()), name_of_case);

TEST(ImplicitGemmConvolution, RefusesImagesOfOtherChannels) {
  for (const int64_t stride :
       {1, 2}) {  // By Winograd's algorithm, and by this.
    nn::Conv2d conv(nn::Conv2dOptions(64, 32, 3).stride(stride).padding(1));
    const auto x =
        torch::randn({40, 32, 8, 8}).contiguous(at::MemoryFormat::ChannelsLast);
    EXPECT_THROW(convolution(x, conv, Kernels::kFused), c10::Error);
  }
}

TEST(ImplicitGemmConvolution, IsTheSameForAnyNumberOfThreads) {
  if (!has_avx2()) GTEST_SKIP() << "LibTorch's, whose sums depend on them";
  const Case c{83, 40, 33, 9, 10, 3, 2, 1, {}, at::kFloat};
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = run(c, Kernels::kFused, true);
  at::set_num_threads(4);
  const auto four = run(c, Kernels::kFused, true);
  const auto again = run(c, Kernels::kFused, true);
  at::set_num_threads(threads);
  EXPECT_TRUE(torch::equal(one.y, four.y));
  EXPECT_TRUE(torch::equal(one.dx, four.dx));
  EXPECT_TRUE(torch::equal(one.dbias, four.dbias));
  EXPECT_LE(distance(one.dweight, four.dweight),
            1e-5 * one.dweight.norm().item<double>());
  EXPECT_TRUE(torch::equal(again.dweight, four.dweight));
}

/// What a convolution with a bias and the norm behind it give.
std::map<std::string, torch::Tensor> normalised(int64_t stride, bool training,
                                                bool relu, Kernels kernels) {
  torch::manual_seed(2);
  nn::Conv2d conv(nn::Conv2dOptions(32, 36, 3).stride(stride).padding(1));
  nn::BatchNorm2d norm(36);
  conv->to(torch::kDouble);
  norm->to(torch::kDouble);
  {
    const torch::NoGradGuard no_grad;
    conv->bias.normal_(0, 3);
    norm->weight.uniform_(-1, 2);
    norm->bias.normal_();
    norm->running_mean.normal_();
    norm->running_var.uniform_(0.5, 2);
  }
  norm->train(training);
  auto x = torch::randn({34, 32, 8, 8}, torch::kDouble)
               .contiguous(at::MemoryFormat::ChannelsLast)
               .requires_grad_();
  const auto y = Ops(kernels).conv_bn(x, conv, norm, {.relu = relu});
  (y * torch::randn(y.sizes(), torch::kDouble)).sum().backward();
  return {{"y", y},
          {"dx", x.grad()},
          {"conv.weight", conv->weight.grad()},
          {"conv.bias", conv->bias.grad()},
          {"norm.weight", norm->weight.grad()},
          {"norm.bias", norm->bias.grad()},
          {"running_mean", norm->running_mean},
          {"running_var", norm->running_var}};
}

TEST(BatchNorm, TakesTheBiasOfTheConvolutionBeforeIt) {
  for (const int64_t stride : {1, 2}) {
    for (const bool training : {false, true}) {
      for (const bool relu : {false, true}) {
        const auto fused = normalised(stride, training, relu, Kernels::kFused);
        for (const auto& [name, expected] :
             normalised(stride, training, relu, Kernels::kReference)) {
          EXPECT_LE(distance(fused.at(name), expected),
                    1e-11 * std::max(expected.norm().item<double>(), 1.0))
              << name << (training ? ", training" : "") << ", stride "
              << stride;
        }
        // What a batch's mean takes away has no gradient at all.
        EXPECT_EQ(fused.at("conv.bias").count_nonzero().item<int64_t>() > 0,
                  !training);
      }
    }
  }
}

}  // namespace
}  // namespace skipzoo
