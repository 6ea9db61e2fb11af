// The signals of a network's layers.

#include "tools/study/layer_signals.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <cmath>

#include "models/zoo.h"

namespace skipzoo {
namespace {

/// A 1x1 convolution that triples, and a linear layer that picks two places.
struct TwoLayersImpl : Classifier {
  TwoLayersImpl()
      : conv(register_module(
            "conv",
            torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 1, 1).bias(false)))),
        fc(register_module("fc", torch::nn::Linear(4, 2))) {
    const torch::NoGradGuard no_grad;
    conv->weight.fill_(3);
    fc->weight.copy_(torch::tensor({{1., 0., 0., 0.}, {0., 0., 0., 1.}}));
    fc->bias.zero_();
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    return fc(conv(x).flatten(1));
  }
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }
  Kernels kernels() const override { return Kernels::kReference; }

  torch::nn::Conv2d conv;
  torch::nn::Linear fc;
};

TEST(LayerVariances, AreThoseOfANetworkDoneByHand) {
  TwoLayersImpl network;
  const ProbeBatch batch = {
      .images = torch::arange(4, torch::kFloat).reshape({1, 1, 2, 2}),
      .targets = {torch::tensor({1}, torch::kLong)}};
  const auto objective = make_objective({});
  for (const bool with_gradient : {false, true}) {
    const auto found =
        layer_variances(network, batch, objective, with_gradient);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].first, "conv");
    // Of 0, 3, 6, 9; and of the two picked, 0 and 9.
    EXPECT_DOUBLE_EQ(found[0].second, 9 * 1.25);
    EXPECT_EQ(found[1].first, "fc");
    EXPECT_DOUBLE_EQ(found[1].second, 20.25);
    EXPECT_EQ(network.conv->weight.grad().defined(), with_gradient);
  }
  // Logits (0, 9): softmax less one-hot is (p, -p), p = 1 / (1 + e^9); the
  // convolution's gradient is the sum of pixel times what it is picked with.
  const double p = 1 / (1 + std::exp(9.));
  EXPECT_NEAR(network.conv->weight.grad().item<double>(), -3 * p, 1e-3 * p);
}

TEST(LayerVariances, OfResidualNetworksAreInTheOrderTheyRun) {
  torch::manual_seed(1);
  ResNetOptions options{.depths = {1, 1}, .widths = {4, 8}};
  options.shortcut = Shortcut::kB;
  ResNetImpl network(options);
  const ProbeBatch batch = {.images = torch::randn({6, 3, 8, 8}),
                            .targets = {torch::arange(6)}};
  const auto found = layer_variances(network, batch, make_objective({}), false);
  std::vector<std::string> names;
  for (const auto& entry : found) names.push_back(entry.first);
  EXPECT_EQ(names,
            (std::vector<std::string>{
                "conv1", "layer1.0.conv1", "layer1.0.conv2", "layer2.0.conv1",
                "layer2.0.conv2", "layer2.0.downsample.0", "fc"}));
  network.train();
  const torch::NoGradGuard no_grad;
  const auto stem =
      torch::conv2d(batch.images.to(torch::kDouble),
                    network.conv1->weight.to(torch::kDouble), {}, 1, 1);
  EXPECT_NEAR(found[0].second, stem.var(false).item<double>(), 1e-6);
  const auto signal = torch::relu(network.bn1(network.conv1(batch.images)));
  const auto next = torch::conv2d(
      signal.to(torch::kDouble),
      network.stages[0]->children()[0]->named_parameters()["conv1.weight"].to(
          torch::kDouble),
      {}, 1, 1);
  EXPECT_NEAR(found[1].second, next.var(false).item<double>(), 1e-6);
}

}  // namespace
}  // namespace skipzoo
