#include "tools/train/optimizer.h"

#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include "models/zoo.h"
#include "tools/train/evaluate.h"

namespace skipzoo {
namespace {

constexpr double kLr = 0.05;

std::shared_ptr<Classifier> small_net() {
  torch::manual_seed(0);
  ResNetOptions options;
  options.depths = {1, 1};
  options.widths = {4, 8};
  options.shortcut = Shortcut::kB;
  return make_model(options);
}

void backward(Classifier& model, const torch::Tensor& images) {
  for (auto& parameter : model.parameters()) {
    parameter.mutable_grad() = torch::Tensor();
  }
  model.forward(images).square().mean().backward();
}

/// Trains two equal networks for three steps, one by ours and one by an
/// optimizer of torch, and returns the largest difference of their parameters.
template <typename Reference, typename ReferenceOptions>
double difference_after_three_steps(const OptimizerOptions& options,
                                    const ReferenceOptions& reference_options,
                                    bool channels_last = false) {
  const auto ours = small_net();
  const auto theirs = small_net();
  move_to(*ours, torch::kCPU, channels_last);
  Optimizer optimizer(options, *ours);
  Reference reference(theirs->parameters(), reference_options);
  const auto images = torch::randn({4, 3, 8, 8});
  for (int i = 0; i < 3; ++i) {
    backward(*ours, images);
    backward(*theirs, images);
    optimizer.set_lr(kLr);
    optimizer.step();
    reference.step();
  }
  double largest = 0;
  const auto a = ours->parameters();
  const auto b = theirs->parameters();
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, (a[i] - b[i]).abs().max().item<double>());
  }
  return largest;
}

double difference_of_sgd(const OptimizerOptions& options,
                         bool channels_last = false) {
  return difference_after_three_steps<torch::optim::SGD>(
      options,
      torch::optim::SGDOptions(kLr)
          .momentum(options.momentum)
          .nesterov(options.nesterov)
          .weight_decay(options.weight_decay),
      channels_last);
}

TEST(Optimizer, SgdTakesTheStepsOfTorch) {
  OptimizerOptions options;
  options.weight_decay = 0.01;
  EXPECT_LT(difference_of_sgd(options), 1e-5);
  options.nesterov = true;
  EXPECT_LT(difference_of_sgd(options), 1e-5);
  options.nesterov = false;
  options.momentum = 0;
  EXPECT_LT(difference_of_sgd(options), 1e-5);
}

TEST(Optimizer, AdamWTakesTheStepsOfTorch) {
  OptimizerOptions options;
  options.name = OptimizerKind::kAdamW;
  options.weight_decay = 0.01;
  // Adam's first steps are lr * sign(g): rounding of a tiny g shows.
  EXPECT_LT(difference_after_three_steps<torch::optim::AdamW>(
                options, torch::optim::AdamWOptions(kLr)
                             .betas({options.betas[0], options.betas[1]})
                             .eps(options.eps)
                             .weight_decay(options.weight_decay)),
            1e-4);
}

// The fused kernels ignore strides.
TEST(Optimizer, ChannelsLastParametersGetTheSameUpdate) {
  EXPECT_LT(difference_of_sgd({}, /*channels_last=*/true), 1e-5);
}

TEST(Optimizer, AGradientOfAnotherLayoutUpdatesTheRightElements) {
  torch::nn::Conv2d conv(torch::nn::Conv2dOptions(2, 3, 3).bias(false));
  move_to(*conv, torch::kCPU, /*channels_last=*/true);
  const auto before = conv->weight.detach().clone();
  const auto gradient = torch::randn({3, 2, 3, 3});
  ASSERT_TRUE(gradient.is_contiguous());
  OptimizerOptions options;
  options.weight_decay = 0;
  Optimizer optimizer(options, *conv);
  conv->weight.mutable_grad() = gradient;
  optimizer.set_lr(0.5);
  optimizer.step();
  EXPECT_TRUE(torch::allclose(conv->weight, before - 0.5 * gradient));
}

TEST(Optimizer, SparesNormsAndBiasesFromDecayWhenAsked) {
  const auto model = small_net();
  OptimizerOptions options;
  options.weight_decay = 0.5;
  options.no_decay_norm_bias = true;
  Optimizer optimizer(options, *model);
  std::vector<torch::Tensor> before;
  for (auto& parameter : model->parameters()) {
    before.push_back(parameter.detach().clone());
    parameter.mutable_grad() = torch::zeros_like(parameter);
  }
  optimizer.set_lr(0.1);
  optimizer.step();
  const auto after = model->parameters();
  for (size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(torch::equal(after[i], before[i]), after[i].dim() == 1);
  }
}

TEST(Optimizer, GoesOnFromASavedState) {
  for (const auto& [kind, name] : EnumNames<OptimizerKind>::values) {
    SCOPED_TRACE(name);
    const auto a = small_net();
    const auto b = small_net();
    OptimizerOptions options;
    options.name = kind;
    Optimizer first(options, *a);
    const auto images = torch::randn({4, 3, 8, 8});
    backward(*a, images);
    first.set_lr(0.1);
    first.step();
    Optimizer second(options, *b);
    second.load_state(first.state());
    torch::NoGradGuard no_grad;
    for (size_t i = 0; i < a->parameters().size(); ++i) {
      b->parameters()[i].copy_(a->parameters()[i]);
      b->parameters()[i].mutable_grad() = a->parameters()[i].grad();
    }
    first.set_lr(0.1);
    first.step();
    second.set_lr(0.1);
    second.step();
    for (size_t i = 0; i < a->parameters().size(); ++i) {
      EXPECT_TRUE(torch::equal(a->parameters()[i], b->parameters()[i]));
    }
  }
}

// What the check of a machine's memory counts.
TEST(Optimizer, SaysHowManyCopiesOfTheWeightsItKeeps) {
  EXPECT_EQ(copies_in_slots({}), 1);
  EXPECT_EQ(copies_in_slots({.momentum = 0}), 0);
  EXPECT_EQ(copies_in_slots({.name = OptimizerKind::kAdamW}), 2);
  EXPECT_EQ(copies_in_slots({.name = OptimizerKind::kLion}), 1);
  EXPECT_EQ(copies_in_slots({.name = OptimizerKind::kMuon}), 2);  // At most.
  EXPECT_EQ(copies_in_slots({.momentum = 0, .lookahead = {.k = 5}}), 1);
}

TEST(Optimizer, RefusesTheStateOfAnotherKind) {
  const auto model = small_net();
  OptimizerOptions adamw;
  adamw.name = OptimizerKind::kAdamW;
  const auto state = Optimizer(OptimizerOptions{}, *model).state();
  EXPECT_THROW(Optimizer(adamw, *model).load_state(state), std::runtime_error);
}

}  // namespace
}  // namespace skipzoo
