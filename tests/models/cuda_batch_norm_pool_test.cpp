// BatchNorm, ReLU and pooling at the beginning of a network, by the kernels of
// models/kernels/cuda/ in an emulated grid.

#include <gtest/gtest.h>

#include <limits>

#include "models/kernels/ops/batch_norm_pool.h"
#include "tests/models/cuda_emulation.h"
#include "tests/models/cuda_norm_case.h"

namespace skipzoo {
namespace {

torch::Tensor pooled_by_emulation(const torch::Tensor& x,
                                  torch::nn::BatchNorm2d& norm,
                                  const Epilogue&) {
  const auto verdict = suits_cuda_batch_norm_pool(x, *norm);
  EXPECT_TRUE(verdict) << verdict.words();
  return cuda_batch_norm_pool(emulated_kernels(), x, norm);
}
torch::Tensor pooled_by_libtorch(const torch::Tensor& x,
                                 torch::nn::BatchNorm2d& norm,
                                 const Epilogue&) {
  return batch_norm_pool(x, norm, Kernels::kReference);
}

void expect_true_pool(const std::vector<int64_t>& shape, at::ScalarType type,
                      bool training = true) {
  const NormCase c{.shape = shape,
                   .type = type,
                   .relu = true,
                   .residual = false,
                   .training = training};
  expect_true(c, outcome_of(c, torch::kCPU, false, pooled_by_emulation),
              outcome_of(c, torch::kCPU, true, pooled_by_libtorch));
}

TEST(EmulatedNormPool, IsTrueForEveryRestOfRowsAndColumns) {
  for (int64_t height = 1; height <= 6; ++height) {
    for (int64_t width = 1; width <= 6; ++width) {
      expect_true_pool({3, 8, height, width}, at::kFloat);
      expect_true_pool({2, 16, height, width}, at::kBFloat16,
                       /*training=*/false);
    }
  }
}

TEST(EmulatedNormPool, IsTrueOfEveryTypeAndOfManyPixelsAndChannels) {
  for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble}) {
    for (const bool training : {true, false}) {
      expect_true_pool({2, 24, 7, 9}, type, training);
    }
    expect_true_pool({2, 64, 33, 30}, type);
  }
  expect_true_pool({2, 8, 61, 52}, at::kBFloat16);
  expect_true_pool({1, 1024, 5, 4}, at::kFloat);
}

// Of equal maxima the first has the gradient, as in LibTorch; where the ReLU
// let none through, nobody.
TEST(EmulatedNormPool, GivesTheGradientToTheFirstOfEqualMaxima) {
  auto x = torch::tensor({2.0, 2.0, 2.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0},
                         torch::kFloat)
               .view({1, 1, 3, 3})
               .repeat({1, 8, 1, 1})
               .contiguous(at::MemoryFormat::ChannelsLast)
               .requires_grad_();
  torch::nn::BatchNorm2d norm(8);
  norm->eval();
  pooled_by_emulation(x, norm, {}).sum().backward();
  const auto of_one = x.grad().select(1, 0).flatten() > 0;
  EXPECT_TRUE(torch::equal(
      of_one, torch::tensor({1, 1, 0, 0, 0, 0, 0, 0, 0}).to(torch::kBool)))
      << of_one;
}

TEST(EmulatedNormPool, TakesNansAndInfinitiesAsLibTorchDoes) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double odd :
       {std::numeric_limits<double>::quiet_NaN(), infinity, -infinity}) {
    std::vector<torch::Tensor> found;
    for (const auto& way : {pooled_by_emulation, pooled_by_libtorch}) {
      torch::manual_seed(3);
      auto x = torch::randn({2, 8, 6, 5}, torch::kDouble)
                   .contiguous(at::MemoryFormat::ChannelsLast);
      x.select(0, 1).select(0, 4).select(0, 1).select(0, 2).fill_(odd);
      x.select(0, 1).select(0, 4).select(0, 2).select(0, 2).fill_(odd);
      x.requires_grad_();
      torch::nn::BatchNorm2d norm(8);
      norm->to(torch::kDouble);
      norm->num_batches_tracked = torch::zeros({}, torch::kLong);
      norm->eval();
      const auto y = way(x, norm, {});
      y.sum().backward();
      found.push_back(y.detach());
      found.push_back(x.grad());
    }
    for (const size_t i : {0, 1}) {
      EXPECT_TRUE(torch::allclose(found[i], found[i + 2], 1e-9, 1e-9,
                                  /*equal_nan=*/true))
          << i << " of " << odd;
    }
  }
}

TEST(EmulatedNormPool, TakesAViewAndAGradientOfAnyLayout) {
  const auto all = torch::randn({3, 8, 5, 7})
                       .contiguous(at::MemoryFormat::ChannelsLast)
                       .to(at::kBFloat16);
  const auto x = all.narrow(0, 1, 2);
  torch::Tensor gradients[2];
  for (const bool dense : {false, true}) {
    auto own = (dense ? x.clone() : x).detach().requires_grad_();
    torch::nn::BatchNorm2d norm(8);
    const auto y = pooled_by_emulation(own, norm, {});
    torch::manual_seed(4);
    const auto dy = torch::randn(y.sizes()).to(at::kBFloat16);
    y.backward(dense ? dy.contiguous(at::MemoryFormat::ChannelsLast) : dy);
    gradients[dense] = own.grad();
  }
  EXPECT_TRUE(torch::equal(gradients[0], gradients[1]));
}

TEST(EmulatedNormPool, GivesGradientsToThoseThatAskAlone) {
  const auto x =
      torch::randn({2, 8, 5, 5}).contiguous(at::MemoryFormat::ChannelsLast);
  torch::nn::BatchNorm2d norm(8);
  pooled_by_emulation(x, norm, {}).sum().backward();
  EXPECT_FALSE(x.grad().defined());
  EXPECT_TRUE(norm->bias.grad().defined());
  const torch::NoGradGuard no_grad;
  EXPECT_FALSE(pooled_by_emulation(x, norm, {}).requires_grad());
}

TEST(EmulatedNormPool, OfAFrozenNormGivesTheGradientOfItsInputAlone) {
  std::vector<torch::Tensor> gradients;
  for (const auto& way : {pooled_by_emulation, pooled_by_libtorch}) {
    torch::manual_seed(5);
    const auto x = torch::randn({3, 16, 5, 4})
                       .contiguous(at::MemoryFormat::ChannelsLast)
                       .requires_grad_();
    torch::nn::BatchNorm2d norm(16);
    norm->eval();
    norm->weight.requires_grad_(false);
    norm->bias.requires_grad_(false);
    way(x, norm, {}).square().sum().backward();
    gradients.push_back(x.grad());
    EXPECT_FALSE(norm->weight.grad().defined());
  }
  EXPECT_TRUE(torch::allclose(gradients[0], gradients[1], 1e-5, 1e-6));
}

TEST(SuitsCudaNormPool, SaysWhyNot) {
  const auto words = [&](int64_t channels, at::MemoryFormat layout) {
    torch::nn::BatchNorm2d norm(channels);
    const auto x = torch::randn({2, channels, 4, 4}).contiguous(layout);
    return suits_cuda_batch_norm_pool(x, *norm).words();
  };
  EXPECT_EQ(words(64, at::MemoryFormat::ChannelsLast),
            "the maxima of 64 channels, nothing written between");
  EXPECT_EQ(words(12, at::MemoryFormat::ChannelsLast),
            "no multiple of 8 channels: 12");
  EXPECT_EQ(words(64, at::MemoryFormat::Contiguous), "not channels-last");
}

}  // namespace
}  // namespace skipzoo
