// BatchNorm by the kernels of models/kernels/cuda/, whose text is compiled for
// this processor and run in an emulated grid: all but the GPU itself.

#include "models/kernels/ops/cuda_batch_norm.h"

#include <gtest/gtest.h>

#include <limits>

#include "models/kernels/algorithms/shared_statistics.h"
#include "models/kernels/cuda/grids.h"
#include "tests/models/cuda_emulation.h"
#include "tests/models/cuda_norm_case.h"
#include "tests/support/distance.h"

namespace skipzoo {
namespace {

torch::Tensor emulated(const torch::Tensor& x, torch::nn::BatchNorm2d& norm,
                       const Epilogue& epilogue) {
  const auto verdict = suits_cuda_batch_norm(x, *norm, epilogue);
  EXPECT_TRUE(verdict) << verdict.words();
  return cuda_batch_norm(emulated_kernels(), x, norm, epilogue);
}

void expect_true_by_emulation(const NormCase& c) {
  const auto found = outcome_of(c, torch::kCPU, /*in_double=*/false, emulated);
  expect_true(c, found, true_outcome(c));
}

constexpr auto kTypes = {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble};

TEST(EmulatedNorm, IsTrueForEveryTailOfChannelsAndPixels) {
  // An element alone behind the last pack, seven, and none; packs that fill no
  // block, and no pack at all.
  int which = 0;
  for (int64_t channels = 1; channels <= 70; ++channels) {
    for (const int64_t side : {1, 3, 5}) {
      const int n = which++;
      expect_true_by_emulation(
          {.shape = {side == 1 ? 7 : 2, channels, side, side},
           .type = kTypes.begin()[n % 4],
           .relu = n / 4 % 2 == 0,
           .residual = n / 8 % 2 == 0,
           .training = n % 5 != 0});
    }
  }
}

TEST(EmulatedNorm, IsTrueForEveryKernel) {
  for (const auto type : kTypes) {
    for (const bool relu : {false, true}) {
      for (const bool residual : {false, true}) {
        for (const bool training : {false, true}) {
          for (const auto& shape : std::vector<std::vector<int64_t>>{
                   {4, 16, 8, 8}, {2, 3, 5, 7}, {3, 36, 3, 3}}) {
            expect_true_by_emulation({shape, type, relu, residual, training});
          }
        }
      }
    }
  }
}

TEST(EmulatedNorm, IsTrueOfManyPixelsAndOfManyChannels) {
  for (const auto& shape : std::vector<std::vector<int64_t>>{{2, 64, 24, 25},
                                                             {3, 8, 53, 31},
                                                             {2, 5, 61, 30},
                                                             {4, 256, 7, 7},
                                                             {5, 1001, 1, 1},
                                                             {2, 1024, 3, 2},
                                                             {1, 2048, 2, 3}}) {
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      expect_true_by_emulation({.shape = shape, .type = type});
    }
  }
}

// E[x²] - E[x]² would lose all of the variance's digits.
TEST(EmulatedNorm, KeepsTheDigitsOfASmallVariance) {
  for (const int64_t channels : {16, 5}) {
    // Without a ReLU, whose bits such a rounding moves.
    NormCase c{
        .shape = {4, channels, 16, 16}, .relu = false, .residual = false};
    c.mean = 1e4;
    const auto found =
        outcome_of(c, torch::kCPU, /*in_double=*/false, emulated);
    const auto truth = true_outcome(c);
    for (size_t i = 0; i < found.size(); ++i) {
      // A mean of 1e4 is rounded to 5e-4 in float32.
      const double bound = found[i].first == "running_var" ? 1e-6 : 2e-3;
      EXPECT_LE(
          distance(found[i].second, truth[i].second),
          bound * truth[i].second.to(torch::kDouble).norm().item<double>())
          << found[i].first;
    }
  }
}

// The first pixel of all is far from the others: what they are shifted by must
// not cost them digits.
TEST(EmulatedNorm, ToleratesAFirstPixelFarFromTheOthers) {
  auto x = torch::randn({4, 8, 32, 32});
  x.select(0, 0).select(1, 0).select(1, 0).fill_(1e3);
  x = x.contiguous(at::MemoryFormat::ChannelsLast);
  torch::nn::BatchNorm2d norm(8);
  emulated(x, norm, {});
  const auto variance =
      x.to(torch::kDouble).var(std::vector<int64_t>{0, 2, 3}, true);
  EXPECT_TRUE(torch::allclose(norm->running_var.to(torch::kDouble),
                              0.9 + 0.1 * variance, 1e-6, 1e-6));
}

TEST(EmulatedNorm, TakesNansAndInfinitiesAsLibTorchDoes) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double odd : {nan, infinity, -infinity}) {
    for (const bool training : {true, false}) {
      for (const bool in_residual : {true, false}) {
        const NormCase c{
            .shape = {2, 9, 3, 3}, .type = at::kDouble, .training = training};
        const auto put = [&](const NormWay& way) -> NormWay {
          return [&way, odd, in_residual](const auto& x, auto& norm,
                                          const Epilogue& epilogue) {
            const torch::NoGradGuard no_grad;
            const auto& to = in_residual ? epilogue.residual : x;
            to.select(0, 1).select(0, 4).select(0, 1).select(0, 2).fill_(odd);
            const at::AutoGradMode with_grad(true);
            return way(x, norm, epilogue);
          };
        };
        const NormWay reference = [](const auto& x, auto& norm,
                                     const auto& epilogue) {
          return batch_norm(x, norm, epilogue, Kernels::kReference);
        };
        const NormWay own = emulated;
        const auto truth = outcome_of(c, torch::kCPU, true, put(reference));
        const auto found = outcome_of(c, torch::kCPU, true, put(own));
        for (size_t i = 0; i < found.size(); ++i) {
          const auto& name = found[i].first;
          auto a = found[i].second.to(torch::kDouble);
          auto b = truth[i].second.to(torch::kDouble);
          if (name == "running_mean" || name == "running_var") {
            // Of no use in either: an infinity's mean is one or a NaN.
            a = a.where(a.isfinite(), nan);
            b = b.where(b.isfinite(), nan);
          }
          EXPECT_TRUE(torch::allclose(a, b, 1e-9, 1e-9, /*equal_nan=*/true))
              << name << " of " << odd << (training ? " in training" : "")
              << (in_residual ? " in the residual" : "");
        }
      }
    }
  }
}

TEST(EmulatedNorm, IsTheSameEachTime) {
  const NormCase c{.shape = {4, 24, 13, 11}, .type = at::kBFloat16};
  const auto once = outcome_of(c, torch::kCPU, false, emulated);
  const auto again = outcome_of(c, torch::kCPU, false, emulated);
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_TRUE(torch::equal(once[i].second, again[i].second)) << once[i].first;
  }
}

TEST(EmulatedNorm, TakesAViewThatBeginsWithinSixteenBytes) {
  const auto all = torch::randn({3, 1, 5, 5}).to(at::kBFloat16);
  const auto x = all.narrow(0, 1, 2);  // 50 bytes from the start.
  torch::nn::BatchNorm2d norm(1), same(1);
  EXPECT_TRUE(torch::equal(emulated(x, norm, {.relu = true}),
                           emulated(x.clone(), same, {.relu = true})));
}

TEST(EmulatedNorm, GivesGradientsToThoseThatAskAlone) {
  const auto x =
      torch::randn({2, 8, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast);
  auto residual = torch::randn_like(x).requires_grad_();
  torch::nn::BatchNorm2d norm(8);
  emulated(x, norm, {.residual = residual, .relu = true}).sum().backward();
  EXPECT_FALSE(x.grad().defined());
  EXPECT_TRUE(residual.grad().defined());
  EXPECT_TRUE(norm->weight.grad().defined());
  const torch::NoGradGuard no_grad;
  EXPECT_FALSE(emulated(x, norm, {.relu = true}).requires_grad());
}

TEST(EmulatedNorm, OfAFrozenNormGivesTheGradientOfItsInputAlone) {
  for (const bool training : {false, true}) {
    std::vector<torch::Tensor> gradients;
    for (const bool own : {true, false}) {
      torch::manual_seed(5);
      const auto x = torch::randn({3, 12, 5, 4})
                         .contiguous(at::MemoryFormat::ChannelsLast)
                         .requires_grad_();
      torch::nn::BatchNorm2d norm(12);
      norm->train(training);
      norm->weight.requires_grad_(false);
      norm->bias.requires_grad_(false);
      const auto y =
          own ? emulated(x, norm, {.relu = true})
              : batch_norm(x, norm, {.relu = true}, Kernels::kReference);
      y.square().sum().backward();
      gradients.push_back(x.grad());
      EXPECT_FALSE(norm->weight.grad().defined());
    }
    EXPECT_TRUE(torch::allclose(gradients[0], gradients[1], 1e-4, 1e-5))
        << training;
  }
}

TEST(SuitsCudaNorm, SaysWhyNot) {
  torch::nn::BatchNorm2d norm(8);
  const auto x =
      torch::randn({2, 8, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast);
  const auto words = [&](const torch::Tensor& images,
                         const Epilogue& epilogue) {
    const auto verdict = suits_cuda_batch_norm(images, *norm, epilogue);
    return std::string(verdict ? "yes: " : "no: ") + verdict.words();
  };
  EXPECT_EQ(words(x, {}),
            "yes: one pass for the moments of 8 channels, one to write");
  EXPECT_EQ(words(x.contiguous(), {}), "no: not channels-last");
  EXPECT_EQ(words(x.to(at::kInt), {}), "no: of another type");
  EXPECT_EQ(words(x, {.gate = torch::ones({2, 8, 1, 1})}), "no: a gate");
  EXPECT_EQ(words(x, {.residual = x.to(at::kHalf)}),
            "no: a residual of another type, size or device");
  EXPECT_EQ(words(x.narrow(0, 0, 1).narrow(2, 0, 1).narrow(3, 0, 1), {}),
            "no: fewer than two pixels");
  EXPECT_EQ(words(x.to(at::kDouble), {}),
            "no: a norm of another type than sums are in");
  {
    const ReferenceOnly reference_only;
    EXPECT_EQ(words(x, {}), "no: a trace");
  }
  norm = torch::nn::BatchNorm2d(
      torch::nn::BatchNorm2dOptions(8).momentum(std::nullopt));
  EXPECT_EQ(words(x, {}),
            "no: a norm without weight, running statistics or momentum");
}

TEST(Grids, FillAGpuAndLeaveAThreadItsChannels) {
  constexpr int64_t kMultiprocessors = 132;  // Of an H200.
  for (const int64_t channels : {1, 3, 16, 36, 64, 100, 1001, 2048}) {
    for (const int64_t pixels : {2, 49, 12544, 802816}) {
      const auto layout = layout_of(pixels * channels, channels);
      EXPECT_EQ(layout.packs * 8 + layout.tail, pixels * channels);
      EXPECT_EQ(cuda::lanes_of(layout) % channels, 0);
      const auto sums = sum_grid(layout, 512, kMultiprocessors);
      EXPECT_EQ(sums.across * sums.down, 512u);
      EXPECT_GE(sums.columns * sums.across, unsigned(layout.period));
      EXPECT_TRUE(sums.parts == 1 ||
                  sums.columns * sums.parts <= 2 * kMultiprocessors);
      const auto blocks = map_blocks(layout, kMultiprocessors);
      EXPECT_EQ(int64_t{blocks} * cuda::kMapThreads % layout.period, 0);
    }
  }
  // ResNet-50's stem at 256 images: two blocks each.
  EXPECT_EQ(sum_grid(layout_of(256 * 112 * 112 * 64, 64), 512, kMultiprocessors)
                .parts,
            264u);
}

TEST(CudaKernels, AreOfAGpuAlone) {
  const auto here = cuda_kernels(torch::kCPU);
  EXPECT_FALSE(here);
  EXPECT_EQ(here.verdict.words(), "not on a GPU");
}

}  // namespace
}  // namespace skipzoo
