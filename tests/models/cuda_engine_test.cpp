// The engine on a GPU: cuDNN's fused convolutions, sixteen bits, CUDA graphs.
// Skipped where there is no CUDA device.
#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>
#include <torch/nn.h>

#include <algorithm>
#include <vector>

#include "models/engine.h"
#include "models/zoo.h"
#include "tests/support/distance.h"
#include "tests/support/reference.h"
#include "tests/support/trained.h"
#include "tests/support/variants.h"
#include "tests/support/without_tf32.h"

namespace skipzoo {
namespace {

class CudaEngine : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device here";
    torch::manual_seed(0);
  }
  static torch::Tensor images(int64_t n, int64_t side) {
    return torch::randn({n, in_channels(GetParam().options), side, side + 2},
                        torch::kCUDA);
  }
  static std::shared_ptr<Classifier> there(const ModelOptions& options) {
    auto model = trained(options);
    model->to(torch::kCUDA);
    return model;
  }

  WithoutTf32 without_tf32_;  // As exact as the CPU's.
};

double relative(const torch::Tensor& found, const torch::Tensor& expected) {
  EXPECT_EQ(found.sizes(), expected.sizes());
  return distance(found, expected) /
         std::max(expected.norm().item<double>(), 1.0);
}

// Plain, plain, recorded, replayed; sizes in turn, each of which has its own.
TEST_P(CudaEngine, GivesTheNetworksOwnLogits) {
  const auto model = there(GetParam().options);
  Engine engine(*model, Kernels::kFused);
  for (int call = 0; call < 5; ++call) {
    for (const int64_t batch : {2, 5}) {
      const auto x = images(batch, 27);
      const auto found = engine(x);
      EXPECT_TRUE(found.is_cuda());
      EXPECT_EQ(found.scalar_type(), at::kFloat);
      EXPECT_LE(relative(found, reference(*model, x)), 1e-4)
          << "call " << call << ", " << batch << " images";
    }
  }
}

// Of each family one: libraries try their algorithms for each type anew.
class CudaEngineOfFamily : public CudaEngine {};

TEST_P(CudaEngineOfFamily, IsNearInSixteenBits) {
  const auto model = there(GetParam().options);
  for (const auto& [type, bound] :
       {std::pair{at::kBFloat16, 5e-2}, {at::kHalf, 2e-2}}) {
    Engine engine(*model, Kernels::kFused, type);
    for (int call = 0; call < 4; ++call) {
      const auto x = images(4, 32);
      EXPECT_LE(relative(engine(x), reference(*model, x)), bound)
          << c10::toString(type) << ", call " << call;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, CudaEngine, testing::ValuesIn(variants()),
                         [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(Zoo, CudaEngineOfFamily, testing::ValuesIn([] {
                           auto all = variants();
                           all.resize(families().size());
                           return all;
                         }()),
                         [](const auto& test) { return test.param.name; });

class CudaEngines : public CudaEngine {};

TEST_F(CudaEngines, ReplayWhatTheyRanPlainly) {
  const auto model = there(ResNetOptions{});
  Engine engine(*model, Kernels::kFused);
  const auto x = torch::randn({3, 3, 32, 32}, torch::kCUDA);
  engine(x);
  const auto plain = engine(x);
  for (int call = 0; call < 3; ++call) {
    // The same kernels; those that add up in no order round as they like.
    EXPECT_LE(relative(engine(x), plain), 1e-6) << call;
  }
}

TEST_F(CudaEngines, LeaveTheirResultsToTheCaller) {
  const auto model = there(ResNetOptions{});
  Engine engine(*model, Kernels::kFused);
  std::vector<torch::Tensor> kept, copies;
  for (int call = 0; call < 6; ++call) {
    kept.push_back(engine(torch::randn({2, 3, 32, 32}, torch::kCUDA)));
    copies.push_back(kept.back().clone());
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    EXPECT_TRUE(kept[i].equal(copies[i])) << i;
  }
  EXPECT_FALSE(kept[4].equal(kept[5]));
}

TEST_F(CudaEngines, RunSideBySide) {
  const auto one = there(ResNetOptions{});
  const auto other = there(DenseNetOptions{.block_config = {2, 2}});
  Engine of_one(*one, Kernels::kFused);
  Engine of_other(*other, Kernels::kFused);
  for (int call = 0; call < 5; ++call) {
    const auto x = torch::randn({2, 3, 32, 32}, torch::kCUDA);
    EXPECT_LE(relative(of_one(x), reference(*one, x)), 1e-4) << call;
    EXPECT_LE(relative(of_other(x), reference(*other, x)), 1e-4) << call;
  }
}

// More sizes than are kept, so that graphs and plans are dropped and made anew.
TEST_F(CudaEngines, TakeMoreSizesThanTheyKeep) {
  const auto model = there(ResNetOptions{.depths = {1}, .widths = {8}});
  Engine engine(*model, Kernels::kFused);
  for (int round = 0; round < 2; ++round) {
    for (int64_t batch = 1; batch <= 10; ++batch) {
      for (int call = 0; call < 4; ++call) {
        const auto x =
            torch::randn({batch, 3, 16, 16 + batch % 3}, torch::kCUDA);
        EXPECT_LE(relative(engine(x), reference(*model, x)), 1e-4) << batch;
      }
    }
  }
}

TEST_F(CudaEngines, AreRightUnderAutocast) {
  const auto model = there(ResNetOptions{});
  Engine engine(*model, Kernels::kFused);
  const auto x = torch::randn({2, 3, 32, 32}, torch::kCUDA);
  const auto expected = reference(*model, x);
  at::autocast::set_autocast_enabled(at::kCUDA, true);
  for (int call = 0; call < 4; ++call) {
    EXPECT_LE(relative(engine(x), expected), 1e-4) << call;
  }
  at::autocast::set_autocast_enabled(at::kCUDA, false);
  at::autocast::clear_cache();
}

}  // namespace
}  // namespace skipzoo
