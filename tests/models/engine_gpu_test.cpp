// What an engine runs on a GPU, run on the CPU: the plan with ATen in the place
// of cuDNN's operators, against the network's own forward().

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "models/engine_gpu_plan.h"
#include "models/zoo.h"
#include "tests/support/distance.h"
#include "tests/support/reference.h"
#include "tests/support/trained.h"
#include "tests/support/variants.h"

namespace skipzoo {
namespace {

/// cuDNN's operators by ATen's.
FusedConvolutions by_aten() {
  return {.relu =
              [](const torch::Tensor& x, const ConvolutionArguments& conv) {
                return convolution_by_aten(x, {}, conv, /*relu=*/true);
              },
          .add_relu =
              [](const torch::Tensor& x, const torch::Tensor& z,
                 const ConvolutionArguments& conv) {
                return convolution_by_aten(x, z, conv, /*relu=*/true);
              },
          .wait = [] {}};
}

/// As cuDNN where it has no kernel.
FusedConvolutions refusing() {
  const auto refuse = [](auto&&...) -> torch::Tensor {
    TORCH_CHECK(false, "no engine for this");
  };
  return {.relu = refuse, .add_relu = refuse, .wait = [] {}};
}

/// For images of the size of these, as an engine makes it.
GpuPlan plan_of(Classifier& model, const torch::Tensor& images,
                at::ScalarType type,
                const FusedConvolutions& fused = by_aten()) {
  const EvalMode eval(model);
  Program program = trace(
      state_dict(model),
      [&](const torch::Tensor& x) { return model.forward(x); },
      torch::zeros_like(images.narrow(0, 0, 1)));
  fold_batch_norms(program);
  return GpuPlan(program, type, fused);
}

std::shared_ptr<Classifier> trained_in_double(const ModelOptions& options) {
  auto model = trained(options);
  model->to(torch::kFloat64);
  return model;
}

/// Of (C, H, W) images, on which it is run with each batch size in turn.
void expect_network(Classifier& model, std::array<int64_t, 3> size,
                    const FusedConvolutions& fused = by_aten()) {
  const torch::NoGradGuard no_grad;
  const auto some =
      torch::randn({1, size[0], size[1], size[2]}, torch::kFloat64);
  auto plan = plan_of(model, some, at::kDouble, fused);
  for (const int64_t batch : {1, 2, 5}) {
    const auto images =
        torch::randn({batch, size[0], size[1], size[2]}, torch::kFloat64);
    const auto kept = images.clone();
    const auto expected = reference(model, images);
    // By ATen, by what is chosen, and again.
    torch::Tensor found[3];
    for (auto& result : found) {
      result = plan.run(images);
      ASSERT_EQ(result.sizes(), expected.sizes());
      EXPECT_LE(distance(result, expected),
                1e-10 * std::max(expected.norm().item<double>(), 1.0))
          << batch << " images of " << size[1];
    }
    EXPECT_TRUE(found[1].equal(found[2])) << "a weight was written over";
    EXPECT_TRUE(images.equal(kept));
  }
}

class GpuPlanOf : public testing::TestWithParam<Variant> {};

TEST_P(GpuPlanOf, EqualsTheNetwork) {
  const auto model = trained_in_double(GetParam().options);
  const int64_t channels = in_channels(GetParam().options);
  expect_network(*model, {channels, 16, 16});
  expect_network(*model, {channels, 21, 23});
}

TEST_P(GpuPlanOf, InBfloat16IsAsNearAsAutocast) {
  const torch::NoGradGuard no_grad;
  const auto model = trained(GetParam().options);
  const auto images =
      torch::randn({4, in_channels(GetParam().options), 20, 20});
  const auto exact = reference(*model, images);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto cast = reference(*model, images);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  // Measures nothing: many processors are slow in this type.
  auto plan = plan_of(*model, images, at::kBFloat16, refusing());
  const auto found = plan.run(images);
  EXPECT_EQ(found.scalar_type(), at::kBFloat16);
  EXPECT_LE(distance(found, exact),
            2 * distance(cast, exact) + 4e-3 * exact.norm().item<double>());
}

INSTANTIATE_TEST_SUITE_P(Zoo, GpuPlanOf, testing::ValuesIn(variants()),
                         [](const auto& one) { return one.param.name; });

/// How many steps it has of each name that begins so.
int64_t count(const GpuPlan& plan, const std::string& beginning) {
  return std::ranges::count_if(plan.steps(), [&](const std::string& name) {
    return name.starts_with(beginning);
  });
}

TEST(GpuPlan, AResNetsUnitsAreConvolutionsAlone) {
  for (const bool bottleneck : {false, true}) {
    const auto model = trained(ResNetOptions{.depths = {2, 3},
                                             .widths = {8, 16},
                                             .bottleneck = bottleneck,
                                             .shortcut = Shortcut::kB,
                                             .stem = Stem::kImageNet});
    const auto plan = plan_of(*model, torch::zeros({1, 3, 32, 32}), at::kFloat);
    // A stem, five units, and a projection or two, whose bias goes along.
    EXPECT_EQ(count(plan, "convolution_add_relu"), 5);
    EXPECT_EQ(count(plan, "convolution_relu"), bottleneck ? 1 + 10 : 1 + 5);
    EXPECT_EQ(count(plan, "convolution"), 5 + (bottleneck ? 13 : 7));
    for (const char* none : {"batch_norm", "relu", "add_", "add"}) {
      EXPECT_EQ(count(plan, none), std::string(none) == "add" ? 1 : 0)
          << none << ": of those, the last layer's addmm alone begins so";
    }
  }
}

TEST(GpuPlan, ADenseNetsFeaturesLieInOneBuffer) {
  const auto model = trained(DenseNetOptions{
      .block_config = {3, 2}, .growth_rate = 4, .num_init_features = 8});
  const auto plan = plan_of(*model, torch::zeros({1, 3, 16, 16}), at::kFloat);
  // Each feature, and what each of two blocks begins with, is put there once.
  EXPECT_EQ(count(plan, "place"), 5 + 2);
  EXPECT_EQ(count(plan, "list"), 0);
  // A pass before each 1x1 convolution: of five layers and a transition, whose
  // mean comes before it. The last norm has none behind it.
  EXPECT_EQ(count(plan, "clamp"), 5 + 1);
  EXPECT_EQ(count(plan, "batch_norm"), 1);
  EXPECT_EQ(count(plan, "relu_"), 1);
  const auto& steps = plan.steps();
  const auto pool = std::ranges::find(steps, "avg_pool2d");
  ASSERT_NE(pool, steps.end());
  EXPECT_EQ(*(pool - 1), "clamp");
  EXPECT_EQ(*(pool + 1), "convolution");
}

TEST(GpuPlan, TakesNormsThatTurnAroundOrAreNothing) {
  const auto model = trained_in_double(DenseNetOptions{
      .block_config = {3, 3}, .growth_rate = 4, .num_init_features = 8});
  const torch::NoGradGuard no_grad;
  for (const auto& parameter : model->named_parameters()) {
    const auto& name = parameter.key();
    if (name.find("norm") == std::string::npos) continue;
    auto numbers = parameter.value();
    numbers.copy_(torch::randn(numbers.sizes()));
    if (name.ends_with("weight")) numbers.slice(0, 0, -1, 3).zero_();
  }
  expect_network(*model, {3, 12, 13});
}

TEST(GpuPlan, AProductOfPixelsIsA1x1Convolution) {
  const torch::NoGradGuard no_grad;
  const auto double_type = torch::dtype(torch::kFloat64);
  ConvolutionArguments conv{.weight = torch::randn({5, 4, 1, 1}, double_type),
                            .bias = torch::randn({5}, double_type),
                            .stride = {1, 1},
                            .padding = {0, 0},
                            .dilation = {1, 1}};
  conv.weight = conv.weight.contiguous(at::MemoryFormat::ChannelsLast);
  ASSERT_TRUE(is_product(conv));
  const auto images = torch::randn({2, 9, 3, 7}, double_type)
                          .contiguous(at::MemoryFormat::ChannelsLast);
  // Whole images, and a part of a dense block's buffer.
  for (const auto& x :
       {images.narrow(1, 0, 4).contiguous(at::MemoryFormat::ChannelsLast),
        images.narrow(1, 3, 4)}) {
    for (const bool relu : {false, true}) {
      const auto found = convolution_by_product(x, conv, relu);
      EXPECT_TRUE(found.is_contiguous(at::MemoryFormat::ChannelsLast));
      EXPECT_TRUE(found.allclose(convolution_by_aten(x, {}, conv, relu)));
    }
  }
  for (const auto& change : std::vector<std::function<void()>>{
           [&] {
             conv.stride = {1, 2};
           },
           [&] {
             conv.padding = {1, 0};
           },
           [&] { conv.groups = 2; }, [&] { conv.bias = torch::Tensor(); },
           [&] {
             conv.weight = torch::randn({5, 4, 1, 3});
           }}) {
    const auto before = conv;
    change();
    EXPECT_FALSE(is_product(conv));
    conv = before;
  }
}

TEST(GpuPlan, RunsByATenWhatCudnnRefuses) {
  const auto model = trained_in_double(ResNetOptions{
      .depths = {1, 2}, .widths = {8, 12}, .shortcut = Shortcut::kB});
  expect_network(*model, {3, 17, 16}, refusing());
}

}  // namespace
}  // namespace skipzoo
