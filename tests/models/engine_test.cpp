// The engine against the network's own forward(), over the families and their
// options.

#include "models/engine.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "models/kernels/simd/processor.h"
#include "models/zoo.h"
#include "tests/support/calls.h"
#include "tests/support/distance.h"
#include "tests/support/reference.h"
#include "tests/support/trained.h"
#include "tests/support/variants.h"

namespace skipzoo {
namespace {

class EngineOf : public testing::TestWithParam<Variant> {};

TEST_P(EngineOf, EqualsTheNetwork) {
  const auto model = trained(GetParam().options);
  Engine engine(*model, Kernels::kFused);
  for (const int64_t batch : {1, 3}) {
    for (const int64_t side : {16, 21}) {
      const auto images = torch::randn(
          {batch, in_channels(GetParam().options), side, side + 2});
      const auto expected = reference(*model, images);
      // Buffers are written over, and must not be weights or images; from the
      // second run on results have other places than in the first.
      torch::Tensor first;
      for (int run = 0; run < 3; ++run) {
        const auto found = engine(images);
        if (run == 0) first = found.clone();
        EXPECT_TRUE(found.equal(first));
        ASSERT_EQ(found.sizes(), expected.sizes());
        EXPECT_EQ(found.scalar_type(), at::kFloat);
        EXPECT_LE(distance(found, expected),
                  1e-5 * std::max(expected.norm().item<double>(), 1.0))
            << batch << " images of " << side;
      }
    }
  }
}

TEST_P(EngineOf, InBfloat16IsAsNearAsAutocast) {
  const auto model = trained(GetParam().options);
  Engine engine(*model, Kernels::kFused, at::kBFloat16);
  const auto images =
      torch::randn({16, in_channels(GetParam().options), 20, 20});
  const auto exact = reference(*model, images);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto cast = reference(*model, images);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_LE(distance(engine(images), exact),
            2 * distance(cast, exact) + 2e-3 * exact.norm().item<double>());
}

INSTANTIATE_TEST_SUITE_P(Zoo, EngineOf, testing::ValuesIn(variants()),
                         [](const auto& one) { return one.param.name; });

TEST(Engine, RunsWinogradWhereThatIsFaster) {
  const ResNetOptions basic{.depths = {2, 1}, .widths = {16, 24}};
  const ResNetOptions bottleneck{.depths = {2, 2},
                                 .widths = {16, 32},
                                 .bottleneck = true,
                                 .shortcut = Shortcut::kB};
  for (const auto& [options, convolutions] :
       {std::pair{basic, 5}, {bottleneck, 3}}) {
    const auto model = trained(options);
    const auto images = torch::randn({8, 3, 48, 47});
    const auto expected = reference(*model, images);
    at::autocast::set_autocast_enabled(at::kCPU, true);
    const auto cast = reference(*model, images);
    at::autocast::set_autocast_enabled(at::kCPU, false);
    at::autocast::clear_cache();
    Engine engine(*model, Kernels::kFused);
    Engine half(*model, Kernels::kFused, at::kBFloat16);
    engine(images);  // Packs the weights.
    {
      const Calls calls("skipzoo::winograd_convolution");
      EXPECT_LE(distance(engine(images), expected),
                1e-5 * expected.norm().item<double>());
      EXPECT_EQ(calls.count(), has_avx2() ? convolutions : 0);
    }
    const Calls calls("skipzoo::winograd_convolution");
    EXPECT_LE(
        distance(half(images), expected),
        2 * distance(cast, expected) + 2e-3 * expected.norm().item<double>());
    // With AMX a direct convolution in bfloat16 is faster.
    EXPECT_EQ(calls.count(), has_avx2() && !has_amx() ? convolutions : 0);
  }
}

TEST(Engine, KeepsPlansOfTheSizesUsedLast) {
  const auto model = trained(ResNetOptions{.depths = {1}, .widths = {16}});
  Engine engine(*model, Kernels::kFused);
  // BatchNorms run while a plan is made, and in no plan.
  const auto plans_made_for = [&](int64_t side) {
    const auto images = torch::randn({2, 3, side, side});
    const auto expected = reference(*model, images);
    const Calls norms("aten::batch_norm");
    EXPECT_LE(distance(engine(images), expected),
              1e-5 * expected.norm().item<double>());
    return norms.count() > 0;
  };
  for (int64_t side = 11; side <= 18; ++side) {
    EXPECT_TRUE(plans_made_for(side)) << side;
  }
  EXPECT_FALSE(plans_made_for(11));
  EXPECT_TRUE(plans_made_for(19));  // In place of 12, the longest unused.
  EXPECT_FALSE(plans_made_for(11));
  EXPECT_FALSE(plans_made_for(13));
  EXPECT_TRUE(plans_made_for(12));
}

TEST(Engine, LeavesTheNetworkAsItWas) {
  const auto model = trained(ResNetOptions{});
  model->train();
  std::vector<torch::Tensor> before;
  for (const auto& [name, tensor] : state_dict(*model)) {
    before.push_back(tensor.clone());
  }
  Engine engine(*model, Kernels::kFused);
  engine(torch::randn({2, 3, 16, 16}));
  EXPECT_TRUE(model->is_training());
  const auto after = state_dict(*model);
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(torch::equal(before[i], after[i].second)) << after[i].first;
  }
}

TEST(Engine, WithReferenceKernelsIsTheNetworkItself) {
  const auto model = trained(DenseNetOptions{.kernels = Kernels::kReference});
  Engine engine(*model, Kernels::kReference);
  const auto images = torch::randn({2, 3, 16, 16});
  EXPECT_TRUE(torch::equal(engine(images), reference(*model, images)));
}

TEST(Engine, IsTheSameEveryTimeForTheSameNumberOfThreads) {
  for (const auto& [name, options] : variants()) {
    const auto model = trained(options);
    Engine engine(*model, Kernels::kFused);
    const auto images = torch::randn({5, in_channels(options), 24, 24});
    // The second run is by a team, whose steps the first has found.
    const auto first = engine(images);
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(torch::equal(engine(images), first)) << name;
    }
  }
}

}  // namespace
}  // namespace skipzoo
