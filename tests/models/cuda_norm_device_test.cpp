// BatchNorm on a GPU, through the operator that networks call, by kernels of
// our own. Skipped where there is no CUDA device.

#include <ATen/autocast_mode.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/cuda.h>

#include <algorithm>
#include <map>
#include <string>

#include "models/kernels/cuda/graph.h"
#include "models/kernels/ops/batch_norm_pool.h"
#include "models/kernels/ops/cuda_batch_norm.h"
#include "models/zoo.h"
#include "tests/models/cuda_norm_case.h"
#include "tests/support/distance.h"
#include "tests/support/variants.h"

namespace skipzoo {
namespace {

class BatchNormCuda : public testing::Test {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device here";
    const auto kernels = cuda_kernels(torch::kCUDA);
    ASSERT_TRUE(kernels) << kernels.verdict.words();
  }
};

torch::Tensor on_device(const torch::Tensor& x, torch::nn::BatchNorm2d& norm,
                        const Epilogue& epilogue) {
  const auto y = batch_norm(x, norm, epilogue, Kernels::kFused);
  EXPECT_NE(y.grad_fn()->name().find("CudaBatchNorm"), std::string::npos)
      << cuda_kernels_for(x, *norm, epilogue).verdict.words();
  return y;
}

void expect_true_on_device(const NormCase& c) {
  expect_true(c, outcome_of(c, torch::kCUDA, /*in_double=*/false, on_device),
              true_outcome(c));
}

constexpr auto kDeviceTypes = {at::kFloat, at::kBFloat16, at::kHalf,
                               at::kDouble};

TEST_F(BatchNormCuda, IsTrueForEveryTailOfChannelsAndPixels) {
  int which = 0;
  for (int64_t channels = 1; channels <= 70; ++channels) {
    for (const int64_t side : {1, 3, 5}) {
      const int n = which++;
      expect_true_on_device({.shape = {side == 1 ? 7 : 2, channels, side, side},
                             .type = kDeviceTypes.begin()[n % 4],
                             .relu = n / 4 % 2 == 0,
                             .residual = n / 8 % 2 == 0,
                             .training = n % 5 != 0});
    }
  }
}

TEST_F(BatchNormCuda, IsTrueForEveryKernel) {
  for (const auto type : kDeviceTypes) {
    for (const bool relu : {false, true}) {
      for (const bool residual : {false, true}) {
        for (const bool training : {false, true}) {
          for (const auto& shape : std::vector<std::vector<int64_t>>{
                   {4, 16, 8, 8}, {2, 3, 5, 7}, {3, 36, 3, 3}}) {
            expect_true_on_device({shape, type, relu, residual, training});
          }
        }
      }
    }
  }
}

TEST_F(BatchNormCuda, IsTrueOfTensorsThatFillTheDevice) {
  for (const auto& shape : std::vector<std::vector<int64_t>>{{32, 64, 56, 56},
                                                             {32, 256, 28, 28},
                                                             {64, 2048, 7, 7},
                                                             {64, 36, 31, 33},
                                                             {3, 1001, 9, 9}}) {
    expect_true_on_device({.shape = shape, .type = at::kBFloat16});
  }
  for (const auto type : {at::kFloat, at::kHalf}) {
    expect_true_on_device({.shape = {32, 64, 28, 28}, .type = type});
  }
}

TEST_F(BatchNormCuda, WithPoolingIsTrue) {
  const auto expect_true_pool = [](const std::vector<int64_t>& shape,
                                   at::ScalarType type, bool training) {
    const NormCase c{
        .shape = shape, .type = type, .residual = false, .training = training};
    const auto pooled = [](Kernels kernels) -> NormWay {
      return [kernels](const auto& x, auto& norm, const Epilogue&) {
        const auto y = batch_norm_pool(x, norm, kernels);
        EXPECT_EQ(
            y.grad_fn()->name().find("CudaBatchNormPool") != std::string::npos,
            kernels == Kernels::kFused)
            << suits_cuda_batch_norm_pool(x, *norm).words();
        return y;
      };
    };
    expect_true(c, outcome_of(c, torch::kCUDA, false, pooled(Kernels::kFused)),
                outcome_of(c, torch::kCPU, true, pooled(Kernels::kReference)));
  };
  for (int64_t side = 1; side <= 6; ++side) {
    for (const auto type : kDeviceTypes) {
      for (const bool training : {true, false}) {
        expect_true_pool({3, 8, side, 7 - side}, type, training);
      }
    }
  }
  expect_true_pool({16, 64, 112, 112}, at::kBFloat16, true);
  // Of so many pixels in float32 two could be one number when normalised.
  expect_true_pool({8, 64, 113, 111}, at::kHalf, true);
}

TEST_F(BatchNormCuda, IsTheSameEachTime) {
  const NormCase c{.shape = {32, 64, 28, 28}, .type = at::kBFloat16};
  const auto once = outcome_of(c, torch::kCUDA, false, on_device);
  const auto again = outcome_of(c, torch::kCUDA, false, on_device);
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_TRUE(torch::equal(once[i].second, again[i].second)) << once[i].first;
  }
}

TEST_F(BatchNormCuda, IsRecordedByAGraph) {
  torch::manual_seed(0);
  const auto options = torch::dtype(at::kBFloat16).device(torch::kCUDA);
  const auto images = [&] {
    return torch::randn({16, 64, 14, 14}, options)
        .contiguous(at::MemoryFormat::ChannelsLast);
  };
  auto x = images().requires_grad_();
  const auto residual = images(), dy = images();
  torch::nn::BatchNorm2d norm(64);
  norm->to(torch::kCUDA);
  torch::Tensor y, dx;
  const auto work = [&] {
    y = on_device(x, norm, {.residual = residual, .relu = true});
    dx = torch::autograd::grad({y}, {x}, {dy})[0];
  };
  CudaGraph graph(torch::kCUDA);
  for (int step = 0; step < 2; ++step) graph.run(work);
  graph.record(work);
  for (int step = 0; step < 3; ++step) {
    {
      const torch::NoGradGuard no_grad;
      x.copy_(images());
      norm->running_mean.zero_();
      norm->running_var.fill_(1);
    }
    graph.replay();
    const auto recorded_y = y.clone(), recorded_dx = dx.clone(),
               recorded_mean = norm->running_mean.clone();
    norm->running_mean.zero_();
    norm->running_var.fill_(1);
    const auto own = on_device(x, norm, {.residual = residual, .relu = true});
    EXPECT_TRUE(torch::equal(recorded_y, own));
    EXPECT_TRUE(
        torch::equal(recorded_dx, torch::autograd::grad({own}, {x}, {dy})[0]));
    EXPECT_TRUE(torch::equal(recorded_mean, norm->running_mean));
  }
  EXPECT_EQ(norm->num_batches_tracked.item<int64_t>(), 2 + 3 + 3);
}

/// The most memory that a step over one norm holds, in bytes.
int64_t peak(Kernels kernels) {
  const auto images = [] {
    return torch::randn({64, 64, 56, 56},
                        torch::dtype(at::kBFloat16).device(torch::kCUDA))
        .contiguous(at::MemoryFormat::ChannelsLast);
  };
  auto x = images().requires_grad_(), residual = images().requires_grad_();
  const auto dy = images();
  torch::nn::BatchNorm2d norm(64);
  norm->to(torch::kCUDA);
  auto* allocator = c10::getDeviceAllocator(torch::kCUDA);
  const auto step = [&] {
    batch_norm(x, norm, {.residual = residual, .relu = true}, kernels)
        .backward(dy);
    x.mutable_grad().reset();
    residual.mutable_grad().reset();
  };
  step();
  torch::cuda::synchronize();
  allocator->resetPeakStats(0);
  const auto before = allocator->getDeviceStats(0).allocated_bytes[0].current;
  step();
  return allocator->getDeviceStats(0).allocated_bytes[0].peak - before;
}

TEST_F(BatchNormCuda, HoldsLessMemoryThanLibTorchs) {
  EXPECT_LT(peak(Kernels::kFused), peak(Kernels::kReference));
}

/// Logits and gradients of a step, by name, in float64 and channels-last.
std::map<std::string, torch::Tensor> step_of(ModelOptions options,
                                             Kernels kernels,
                                             torch::Device device) {
  torch::manual_seed(2);
  std::visit([&](auto& chosen) { chosen.kernels = kernels; }, options);
  const auto model = make_model(options);
  const auto images =
      torch::randn({4, in_channels(options), 32, 32}, torch::kDouble);
  model->to(device, torch::kDouble);
  for (auto& parameter : model->parameters()) {
    if (parameter.dim() != 4) continue;
    parameter.set_data(
        parameter.detach().contiguous(at::MemoryFormat::ChannelsLast));
  }
  std::map<std::string, torch::Tensor> all;
  all["logits"] = model->forward(
      images.to(device).contiguous(at::MemoryFormat::ChannelsLast));
  all["logits"].square().sum().backward();
  for (const auto& parameter : model->named_parameters()) {
    all[parameter.key() + ".grad"] = parameter.value().grad();
  }
  for (const auto& buffer : model->named_buffers()) {
    all[buffer.key()] = buffer.value();
  }
  return all;
}

TEST_F(BatchNormCuda, OfEveryFamilyIsTheReferenceOnTheCpu) {
  for (const auto& [name, options] : variants()) {
    SCOPED_TRACE(name);
    if (const auto* dense = std::get_if<DenseNetOptions>(&options);
        dense != nullptr && dense->drop_rate > 0) {
      continue;  // A device draws random numbers of its own.
    }
    const auto own = step_of(options, Kernels::kFused, torch::kCUDA);
    const auto truth = step_of(options, Kernels::kReference, torch::kCPU);
    for (const auto& [what, expected] : truth) {
      const auto size = expected.to(torch::kDouble).norm().item<double>();
      EXPECT_LE(distance(own.at(what).cpu(), expected),
                1e-9 * std::max(size, 1.0))
          << what;
    }
  }
}

/// Logits under autocast, and the gradient of the first convolution.
std::vector<torch::Tensor> under_autocast(ModelOptions options, Kernels kernels,
                                          at::ScalarType type,
                                          torch::Device device) {
  torch::manual_seed(3);
  std::visit([&](auto& chosen) { chosen.kernels = kernels; }, options);
  const auto model = make_model(options);
  const bool in_double = type == at::kDouble;
  const auto own = in_double ? at::kDouble : at::kFloat;
  const auto x = torch::randn({16, 3, 32, 32})
                     .to(device, own)
                     .contiguous(at::MemoryFormat::ChannelsLast);
  model->to(device, own);
  for (auto& parameter : model->parameters()) {
    if (parameter.dim() != 4) continue;
    parameter.set_data(
        parameter.detach().contiguous(at::MemoryFormat::ChannelsLast));
  }
  at::autocast::set_autocast_enabled(device.type(), !in_double);
  if (!in_double) at::autocast::set_autocast_dtype(device.type(), type);
  const auto logits = model->forward(x);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device.type(), false);
  logits.to(own).square().sum().backward();
  return {logits.detach(), model->parameters()[0].grad()};
}

// Rounding moves pixels across zero in either: none is to be further from the
// truth than the reference.
TEST_F(BatchNormCuda, OfANetworkUnderAutocastIsAsTrueAsLibTorchs) {
  const std::vector<ModelOptions> networks = {
      ResNetOptions{}, DenseNetOptions{.block_config = {4, 4, 4}}};
  for (const auto& options : networks) {
    const auto truth =
        under_autocast(options, Kernels::kReference, at::kDouble, torch::kCPU);
    for (const auto type : {at::kBFloat16, at::kHalf}) {
      const auto own =
          under_autocast(options, Kernels::kFused, type, torch::kCUDA);
      const auto reference =
          under_autocast(options, Kernels::kReference, type, torch::kCUDA);
      for (size_t i = 0; i < truth.size(); ++i) {
        EXPECT_LE(distance(own[i].cpu(), truth[i]),
                  1.2 * distance(reference[i].cpu(), truth[i]) +
                      2e-3 * truth[i].norm().item<double>())
            << options.index() << ' ' << type << ' ' << i;
      }
    }
  }
}

}  // namespace
}  // namespace skipzoo
