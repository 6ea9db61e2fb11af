// What carries the signal past a conv_block. That each is its paper's formula,
// goldens_test.cpp shows; here is what is true of it besides.

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "models/conv_net.h"
#include "models/engine.h"
#include "models/program.h"
#include "models/zoo.h"
#include "tests/models/published.h"
#include "tests/support/distance.h"

namespace skipzoo {
namespace {

ConvBlock block_of(ConvShortcut shortcut, int64_t in = 4, int64_t out = 4,
                   int64_t stride = 1) {
  return ConvBlock(in, out, stride, ConvNetOptions{.shortcut = shortcut});
}

// Eq. 1 of ReZero: with a factor of zero a block is the identity, and the
// factor learns all the same.
TEST(ConvShortcut, ReZeroStartsAsTheIdentity) {
  auto block = block_of(ConvShortcut::kReZero);
  const auto x = torch::randn({2, 4, 6, 6});
  const auto y = block(x);
  EXPECT_TRUE(torch::equal(y, x));
  y.square().sum().backward();
  EXPECT_NE(block->scale.grad().item<float>(), 0);
  EXPECT_EQ(block->conv1->weight.grad().abs().max().item<float>(), 0);
}

TEST(ConvShortcut, SkipInitStartsAsTheActivatedIdentity) {
  auto block = block_of(ConvShortcut::kSkipInit);
  const auto x = torch::randn({2, 4, 6, 6});
  EXPECT_TRUE(torch::equal(block(x), torch::relu(x)));
}

// A gate far below zero carries, far above it transforms.
TEST(ConvShortcut, AHighwaysGateChoosesBetweenInputAndBranch) {
  torch::NoGradGuard no_grad;
  auto block = block_of(ConvShortcut::kHighway);
  block->eval();
  const auto x = torch::randn({2, 4, 6, 6});
  block->transform->weight.zero_();
  block->transform->bias.fill_(-50);
  EXPECT_TRUE(torch::allclose(block(x), x));
  block->transform->bias.fill_(50);
  const auto branch = block(x);
  EXPECT_GE(branch.min().item<float>(), 0);
  block->transform->bias.zero_();
  EXPECT_TRUE(torch::allclose(block(x), (branch + x) / 2, 1e-4, 1e-5));
}

TEST(ConvShortcut, AHighwayBeginsByCarrying) {
  const ConvNetImpl net(skip_net(ConvShortcut::kHighway));
  for (const auto& block : *net.blocks) {
    const auto& bias = block.ptr()->as<ConvBlock>()->transform->bias;
    EXPECT_TRUE((bias == -2).all().item<bool>());
  }
}

TEST(ConvShortcut, DenseJoinsThePooledInput) {
  auto block = block_of(ConvShortcut::kDense, 4, 3, 2);
  const auto x = torch::randn({2, 4, 5, 6});
  const auto y = block(x);
  EXPECT_EQ(y.sizes(), (std::vector<int64_t>{2, 4 + 3, 3, 3}));
  EXPECT_TRUE(torch::allclose(y[0][1][0][1],
                              x[0][1].slice(0, 0, 2).slice(1, 2, 4).mean()));
  // Of the last row one pixel high, what is there.
  EXPECT_TRUE(torch::allclose(y[0][1][2][0], x[0][1][4].slice(0, 0, 2).mean()));
}

// Images of one channel are of either layout; joined as such ones are, the
// convolutions behind them would leave their fast paths.
TEST(ConvShortcut, DenseOfImagesOfOneChannelAnswersChannelsLast) {
  auto block = block_of(ConvShortcut::kDense, /*in=*/1, /*out=*/8);
  const auto x = torch::randn({4, 1, 8, 8});
  const auto y = block(x);
  EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(torch::equal(y.narrow(1, 0, 1), x));
}

TEST(ConvShortcut, IdentityHasNoParameters) {
  const auto count = [](ConvShortcut shortcut) {
    return count_parameters(*make_model(skip_net(shortcut)));
  };
  EXPECT_EQ(count(ConvShortcut::kIdentity), count(ConvShortcut::kNone));
}

// Zhang, Dauphin & Ma 2019, section 3: He's deviation by L^(-1/2) in the first
// layer of a branch, zero in the last and in the classifier.
TEST(Fixup, StartsAsItsPaperSays) {
  const ConvNetImpl net(fixup(skip_net(ConvShortcut::kProjection)));
  for (size_t i = 0; i < net.blocks->size(); ++i) {
    const auto* block = net.blocks->ptr(i)->as<ConvBlock>();
    const double in = static_cast<double>(block->conv1->weight.size(1));
    const double he = std::sqrt(2.0 / (9 * in));
    EXPECT_NEAR(block->conv1->weight.std().item<double>(), he / std::sqrt(3.0),
                0.1 * he)
        << i;
    EXPECT_EQ(block->conv2->weight.abs().max().item<float>(), 0);
    EXPECT_EQ(block->scale.item<float>(), 1);
    EXPECT_EQ(block->bias1a.item<float>(), 0);
    EXPECT_TRUE(block->bn1.is_empty());
  }
  EXPECT_EQ(net.fc->weight.abs().max().item<float>(), 0);
}

// He et al. 2015 (arXiv:1502.01852), equation 10.
TEST(ConvNet, KeepsTheSizeOfSignalsWithHesWeights) {
  auto options = unnormed(skip_net(ConvShortcut::kIdentity));
  options.init = ConvInit::kHe;
  const ConvNetImpl net(options);
  const auto* block = net.blocks->ptr(1)->as<ConvBlock>();
  const double he = std::sqrt(2.0 / (9 * 16));
  EXPECT_NEAR(block->conv1->weight.std().item<double>(), he, 0.1 * he);
  EXPECT_NEAR(block->conv2->weight.std().item<double>(), he, 0.1 * he);
  EXPECT_EQ(block->conv1->bias.abs().max().item<float>(), 0);
}

TEST(Fixup, RefusesNormsAndShortcutsThatDoNotAdd) {
  const auto problem_of = [](const ConvNetOptions& options) {
    Problems problems;
    options.validate(problems);
    return problems.empty() ? std::string() : problems.front();
  };
  EXPECT_EQ(problem_of(fixup(skip_net(ConvShortcut::kProjection))), "");
  EXPECT_EQ(problem_of({.init = ConvInit::kFixup}),
            "init: fixup is of networks without norms; set norm: none, or "
            "init: glorot");
  EXPECT_EQ(
      problem_of(fixup(skip_net(ConvShortcut::kNone))),
      "init: fixup starts each branch at zero, beside which something "
      "must be added; shortcut: none is not; take projection or identity");
  EXPECT_EQ(problem_of({.filters = {16, 8},
                        .strides = {1, 1},
                        .shortcut = ConvShortcut::kIdentity}),
            "shortcut: identity adds channels of zeros, so filters must not "
            "fall: 16 then 8");
}

/// With weights that are all of some size, none as they start.
std::shared_ptr<Classifier> moved(const ConvNetOptions& options) {
  torch::NoGradGuard no_grad;
  torch::manual_seed(3);
  const auto model = make_model(options);
  for (auto& parameter : model->parameters()) {
    parameter.add_(0.1 * torch::randn_like(parameter));
  }
  model->eval();
  return model;
}

TEST(Fixup, IsTheSameByTheEngine) {
  torch::NoGradGuard no_grad;
  for (const auto shortcut :
       {ConvShortcut::kProjection, ConvShortcut::kIdentity}) {
    const auto model = moved(fixup(skip_net(shortcut)));
    const auto x = torch::randn({3, 3, 32, 32});
    const auto expected = model->forward(x);
    EXPECT_GT(expected.abs().max().item<double>(), 0.01);
    EXPECT_LT(distance(Engine(*model, Kernels::kFused)(x), expected),
              1e-4 * expected.norm().item<double>());
  }
}

int products_in(const Program& program) {
  const auto nodes = program.graph->nodes();
  return static_cast<int>(std::count_if(nodes.begin(), nodes.end(),
                                        [](const torch::jit::Node* node) {
                                          return node->kind() == at::aten::mul;
                                        }));
}

TEST(FoldedFactors, LeaveNothingOfALayerScale) {
  torch::NoGradGuard no_grad;
  for (const auto shortcut :
       {ConvShortcut::kLayerScale, ConvShortcut::kSkipInit}) {
    for (const auto& options :
         {skip_net(shortcut), unnormed(skip_net(shortcut))}) {
      const auto model = moved(options);
      const auto x = torch::randn({2, 3, 32, 32});
      auto program = trace(
          state_dict(*model),
          [&](const torch::Tensor& images) { return model->forward(images); },
          x);
      EXPECT_EQ(products_in(program), 3);
      fold_batch_norms(program);
      EXPECT_EQ(products_in(program), 0);
      const auto expected = model->forward(x);
      EXPECT_LT(distance(Engine(*model, Kernels::kFused)(x), expected),
                1e-4 * expected.norm().item<double>());
    }
  }
}

// A factor behind the activation is not the convolution's.
TEST(FoldedFactors, LeaveThoseOfReZeroWhereTheyAre) {
  torch::NoGradGuard no_grad;
  const auto model = moved(skip_net(ConvShortcut::kReZero));
  auto program = trace(
      state_dict(*model),
      [&](const torch::Tensor& images) { return model->forward(images); },
      torch::randn({2, 3, 32, 32}));
  fold_batch_norms(program);
  EXPECT_EQ(products_in(program), 3);
}

TEST(ConvNet, IsKnownByItsWeights) {
  for (const auto& value : EnumNames<ConvShortcut>::values) {
    for (const bool is_unnormed : {false, true}) {
      auto options = skip_net(value.value);
      if (is_unnormed) options = unnormed(options);
      NamedShapes shapes;
      for (const auto& [name, tensor] : state_dict(*make_model(options))) {
        shapes.emplace_back(name, tensor.sizes().vec());
      }
      auto like = ConvNetOptions{};
      like.strides = options.strides;
      const auto found = like.networks_in(shapes);
      const bool is_there = std::any_of(
          found.begin(), found.end(), [&](const ConvNetOptions& one) {
            return one.shortcut == options.shortcut &&
                   one.norm == options.norm && one.filters == options.filters;
          });
      EXPECT_TRUE(is_there) << value.name;
      // What cannot be told apart is told by the config.
      like.shortcut = options.shortcut;
      EXPECT_EQ(like.networks_in(shapes).front().shortcut, options.shortcut)
          << value.name;
    }
  }
}

}  // namespace
}  // namespace skipzoo
