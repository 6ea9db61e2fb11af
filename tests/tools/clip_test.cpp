#include "tools/train/clip.h"

#include <gtest/gtest.h>

#include <cmath>

#include "models/zoo.h"
#include "tests/support/small_run.h"
#include "tools/train/step.h"

namespace skipzoo {
namespace {

NamedTensors with_gradients() {
  NamedTensors all;
  for (const auto& [name, values, gradient] :
       std::vector<std::tuple<std::string, torch::Tensor, torch::Tensor>>{
           {"conv.weight", torch::tensor({{3.0, 4.0}, {0.0, 0.0}, {6.0, 8.0}}),
            torch::tensor({{0.6, 0.8}, {0.3, 0.4}, {0.03, 0.04}})},
           {"conv.bias", torch::tensor({1.0, 0.0}), torch::tensor({-2.0, 0.0})},
           {"fc.weight", torch::tensor({{1.0}}), torch::tensor({{1.0}})}}) {
    auto parameter = values.clone().requires_grad_();
    parameter.mutable_grad() = gradient.clone();
    all.emplace_back(name, parameter);
  }
  return all;
}

void expect_gradient(const NamedTensors& all, size_t i,
                     const torch::Tensor& expected) {
  EXPECT_TRUE(torch::allclose(all[i].second.grad(), expected, 1e-6, 1e-9))
      << all[i].first << all[i].second.grad();
}

// Squares: 1 + 0.25 + 0.0025 + 4 + 1.
TEST(ClipGrad, NormIsOfAllGradientsTogether) {
  auto all = with_gradients();
  const auto before = with_gradients();
  const double norm = std::sqrt(6.2525);
  clip_gradients(all, 0.5, ClipMode::kNorm, "fc");
  for (size_t i = 0; i < all.size(); ++i) {
    expect_gradient(all, i, before[i].second.grad() * (0.5 / (norm + 1e-6)));
  }
  all = with_gradients();
  clip_gradients(all, 3, ClipMode::kNorm, "fc");
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(torch::equal(all[i].second.grad(), before[i].second.grad()));
  }
}

TEST(ClipGrad, ValueIsOfEachNumber) {
  const auto all = with_gradients();
  clip_gradients(all, 0.35, ClipMode::kValue, "fc");
  expect_gradient(all, 0,
                  torch::tensor({{0.35, 0.35}, {0.3, 0.35}, {0.03, 0.04}}));
  expect_gradient(all, 1, torch::tensor({-0.35, 0.0}));
  expect_gradient(all, 2, torch::tensor({{0.35}}));
}

// A tenth of the weights' norm: rows of norm 5, 0 (counted as 1e-3) and 10.
TEST(ClipGrad, AdaptivelyByTheWeightsOfEachOutputButTheHeads) {
  const auto all = with_gradients();
  clip_gradients(all, 0.1, ClipMode::kAgc, "fc");
  expect_gradient(all, 0,
                  torch::tensor({{0.3, 0.4}, {6e-5, 8e-5}, {0.03, 0.04}}));
  expect_gradient(all, 1, torch::tensor({-0.1, 0.0}));
  expect_gradient(all, 2, torch::tensor({{1.0}}));
}

TEST(ClipGrad, IsPartOfAStep) {
  for (const auto& [mode, name] : EnumNames<ClipMode>::values) {
    SCOPED_TRACE(name);
    torch::manual_seed(1);
    ResNetOptions net;
    net.depths = {1};
    net.widths = {4};
    const auto model = make_model(net);
    TrainOptions options;
    options.clip_grad = 1e-3;
    options.clip_mode = mode;
    options.optimizer.momentum = 0;
    options.optimizer.weight_decay = 0;
    Optimizer optimizer(options.optimizer, *model);
    optimizer.set_lr(1);
    TrainingStep step(*model, optimizer, options);
    const auto before = model->parameters().front().detach().clone();
    step(torch::randn({4, 3, 8, 8}), {torch::tensor({1, 2, 3, 4})});
    const auto moved = before - model->parameters().front().detach();
    EXPECT_GT(moved.norm().item<double>(), 0);
    // Filters of norm 2 at most, here.
    EXPECT_LE(moved.flatten(1).norm(2, 1).max().item<double>(),
              mode == ClipMode::kValue ? 1e-3 * std::sqrt(27.0) : 2e-3);
  }
}

}  // namespace
}  // namespace skipzoo
