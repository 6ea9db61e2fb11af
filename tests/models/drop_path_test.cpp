// Stochastic depth: its draws, its rates by block, and what it leaves of a
// block.

#include "models/drop_path.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "models/engine.h"
#include "models/layers.h"
#include "models/zoo.h"
#include "tests/support/distance.h"
#include "tests/support/variants.h"

namespace skipzoo {
namespace {

/// In training mode.
DropPath dropping(double rate) {
  DropPath path;
  path->rate = rate;
  return path;
}

TEST(DropPath, LeavesOutEachImageByItselfAndKeepsTheMean) {
  torch::manual_seed(1);
  constexpr int64_t kImages = 100'000;
  constexpr double kRate = 0.3;
  const auto factors =
      dropping(kRate)->factors(torch::empty({kImages, 1, 1, 1}, at::kDouble));
  ASSERT_EQ(factors.sizes(), (std::vector<int64_t>{kImages, 1, 1, 1}));
  const auto dropped = factors.eq(0).sum().item<double>();
  const double sigma = std::sqrt(kImages * kRate * (1 - kRate));
  EXPECT_NEAR(dropped, kImages * kRate, 4 * sigma);
  const auto kept = factors.masked_select(factors.ne(0));
  EXPECT_TRUE(kept.eq(1 / (1 - kRate)).all().item<bool>());
  EXPECT_NEAR(factors.mean().item<double>(), 1,
              4 * sigma / kImages / (1 - kRate));
}

// timm's x.new_empty((N, 1, 1, 1)).bernoulli_(keep).div_(keep).
TEST(DropPath, DrawsFromTheDefaultGeneratorInTrainingAlone) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const auto branch = torch::randn({8, 3, 4, 4}).to(type);
    const auto path = dropping(0.2);
    torch::manual_seed(7);
    const auto found = path->factors(branch);
    torch::manual_seed(7);
    const auto expected =
        torch::empty({8, 1, 1, 1}, type).bernoulli_(0.8).div_(0.8);
    EXPECT_TRUE(torch::equal(found, expected));
  }
  const auto next = [] {
    torch::manual_seed(7);
    return torch::randn({1}).item<float>();
  };
  const float undrawn = next();
  auto path = dropping(0);
  torch::manual_seed(7);
  EXPECT_FALSE(path->factors(torch::ones({8, 1, 1, 1})).defined());
  path->rate = 0.9;
  path->eval();
  EXPECT_FALSE(path->factors(torch::ones({8, 1, 1, 1})).defined());
  EXPECT_EQ(torch::randn({1}).item<float>(), undrawn);
}

std::vector<double> rates_of(const Classifier& model) {
  std::vector<double> rates;
  for (const auto& module : model.modules(/*include_self=*/false)) {
    if (const auto* path = module->as<DropPath>()) rates.push_back(path->rate);
  }
  return rates;
}

TEST(DropPath, RisesLinearlyOverTheBlocksOfEachResidualFamily) {
  int residual = 0;
  for (const auto& [name, options] : variants()) {
    const auto model = make_model(options);
    const auto why = why_no_drop_path(options);
    const bool is_residual = name.find("densenet") == std::string::npos &&
                             name.find("dpn") == std::string::npos &&
                             name.find("highway") == std::string::npos &&
                             name.find("joined") == std::string::npos &&
                             name.find("none") == std::string::npos &&
                             name.find("plain") == std::string::npos;
    EXPECT_EQ(why.empty(), is_residual) << name << ": " << why;
    set_drop_path(*model, 0);
    if (!is_residual) {
      EXPECT_THROW(set_drop_path(*model, 0.1), c10::Error) << name;
      continue;
    }
    ++residual;
    set_drop_path(*model, 0.2);
    const auto rates = rates_of(*model);
    const size_t blocks = model->block_names().size();
    ASSERT_EQ(rates.size(), blocks) << name;
    for (size_t l = 0; l < blocks; ++l) {
      EXPECT_DOUBLE_EQ(rates[l], 0.2 * static_cast<double>(l) /
                                     static_cast<double>(blocks - 1))
          << name << ", block " << l;
    }
    set_drop_path(*model, 0);
    EXPECT_EQ(rates_of(*model), std::vector<double>(blocks, 0)) << name;
  }
  EXPECT_GE(residual, 10);
}

TEST(DropPath, IsNoTensorOfAWeightFile) {
  for (const auto& [name, options] : variants()) {
    for (const auto& entry : state_dict(*make_model(options))) {
      EXPECT_EQ(entry.first.find("drop_path"), std::string::npos) << name;
    }
  }
}

/// In float64, with all BatchNorms at their running statistics, so that no
/// image has a part in another's output.
void freeze_norms(torch::nn::Module& block) {
  block.to(torch::kDouble);
  const torch::NoGradGuard no_grad;
  for (auto& one : block.modules(/*include_self=*/false)) {
    auto* norm = one->as<torch::nn::BatchNorm2d>();
    if (norm == nullptr) continue;
    norm->weight.uniform_(0.5, 1.5);
    norm->bias.uniform_(-0.5, 0.5);
    norm->running_mean.uniform_(-0.5, 0.5);
    norm->eval();
  }
}

void set_rate(torch::nn::Module& block, double rate) {
  for (auto& one : block.modules(/*include_self=*/false)) {
    if (auto* path = one->as<DropPath>()) path->rate = rate;
  }
}

/// What a block adds up, by LibTorch's modules alone.
struct Parts {
  torch::Tensor past, branch;
};

Parts parts_of(BasicBlockImpl& b, const torch::Tensor& x) {
  return {b.end.downsample() ? b.end.downsample()->forward(x) : x,
          b.bn2(b.conv2(torch::relu(b.bn1(b.conv1(x)))))};
}
Parts parts_of(BottleneckImpl& b, const torch::Tensor& x) {
  const auto inner =
      torch::relu(b.bn2(b.conv2(torch::relu(b.bn1(b.conv1(x))))));
  return {b.end.downsample() ? b.end.downsample()->forward(x) : x,
          b.bn3(b.conv3(inner))};
}
Parts parts_of(ConvBlockImpl& b, const torch::Tensor& x) {
  const auto first = b.conv1(x);
  const auto last = b.conv2(torch::relu(b.bn1 ? b.bn1(first) : first));
  const auto branch = b.bn2 ? b.bn2(last) : last;
  return {b.skip ? b.skip->forward(x)
                 : pad_shortcut(x, branch.size(1), 1, /*at_end=*/true),
          b.scale.defined() ? branch * b.scale.view({-1, 1, 1}) : branch};
}

template <typename Holder>
void expect_drops_its_branch(Holder holder, int64_t channels) {
  torch::manual_seed(2);
  freeze_norms(*holder);
  const auto x = torch::randn({6, channels, 6, 6}, torch::kDouble)
                     .contiguous(at::MemoryFormat::ChannelsLast)
                     .requires_grad_();
  set_rate(*holder, 0.4);
  torch::manual_seed(3);
  const auto y = holder->forward(x);
  torch::manual_seed(3);
  const auto factors = dropping(0.4)->factors(x);
  const auto kept = factors.ne(0).sum().template item<int64_t>();
  ASSERT_GT(kept, 0);
  ASSERT_LT(kept, 6);
  const auto [past, branch] = parts_of(*holder, x);
  EXPECT_LT(distance(y, torch::relu(past + branch * factors)), 1e-12);

  // Of an image that is left out nothing goes through the branch.
  const auto whole = torch::autograd::grad({y.sum()}, {x}).front();
  const auto alone =
      torch::autograd::grad({torch::relu(past).sum()}, {x}).front();
  for (int64_t n = 0; n < 6; ++n) {
    const bool is_dropped = factors[n].template item<double>() == 0;
    EXPECT_EQ(distance(whole[n], alone[n]) < 1e-12, is_dropped) << n;
  }

  // Nor does it teach the branch anything.
  set_rate(*holder, 0.999999999);
  holder->forward(x).sum().backward();
  for (const auto& item : holder->named_parameters()) {
    const auto& name = item.key();
    if (name.starts_with("downsample") || name.starts_with("skip")) continue;
    EXPECT_EQ(item.value().grad().abs().max().template item<double>(), 0)
        << name;
  }

  // In evaluation all is kept.
  holder->eval();
  EXPECT_LT(distance(holder->forward(x), torch::relu(past + branch)), 1e-12);
}

TEST(DropPath, LeavesABlockItsShortcut) {
  for (const auto kernels : {Kernels::kFused, Kernels::kReference}) {
    ResNetOptions options{.shortcut = Shortcut::kB, .kernels = kernels};
    const BlockShape same{.in = 8, .width = 8};
    const BlockShape wider{.in = 4, .width = 8, .stride = 2};
    expect_drops_its_branch(BasicBlock(same, options), 8);
    expect_drops_its_branch(BasicBlock(wider, options), 4);
    options.bottleneck = true;
    expect_drops_its_branch(
        Bottleneck(BlockShape{.in = 16, .width = 4}, options), 16);
    options.groups = 2;
    options.width_per_group = 32;
    expect_drops_its_branch(
        Bottleneck(BlockShape{.in = 8, .width = 4, .stride = 2}, options), 8);
    for (const auto shortcut :
         {ConvShortcut::kProjection, ConvShortcut::kIdentity,
          ConvShortcut::kSkipInit, ConvShortcut::kLayerScale}) {
      for (const auto norm : {ConvNorm::kBatch, ConvNorm::kNone}) {
        expect_drops_its_branch(ConvBlock(4, 6, 1,
                                          ConvNetOptions{.shortcut = shortcut,
                                                         .scale_init = 0.7,
                                                         .norm = norm,
                                                         .kernels = kernels}),
                                4);
      }
    }
  }
}

/// Logits and gradients of a step in training, in float64.
std::vector<torch::Tensor> trained(const ModelOptions& options, double rate,
                                   Kernels kernels) {
  auto chosen = options;
  std::visit([&](auto& family) { family.kernels = kernels; }, chosen);
  torch::manual_seed(4);
  const auto model = make_model(chosen);
  model->to(torch::kDouble);
  set_drop_path(*model, rate);
  const auto x = torch::randn({5, in_channels(options), 32, 32}, torch::kDouble)
                     .contiguous(at::MemoryFormat::ChannelsLast);
  torch::manual_seed(5);
  auto logits = model->forward(x);
  logits.log_softmax(1).select(1, 0).sum().backward();
  std::vector<torch::Tensor> all = {logits.detach()};
  for (const auto& parameter : model->parameters()) {
    all.push_back(parameter.grad());
  }
  return all;
}

TEST(DropPath, FusedKernelsDropAsTheReferenceDoes) {
  for (const auto& [name, options] : variants()) {
    if (!why_no_drop_path(options).empty()) continue;
    const auto fused = trained(options, 0.5, Kernels::kFused);
    const auto reference = trained(options, 0.5, Kernels::kReference);
    for (size_t i = 0; i < fused.size(); ++i) {
      const double size = std::max(reference[i].norm().item<double>(), 1.0);
      EXPECT_LE(distance(fused[i], reference[i]), 1e-9 * size) << name;
    }
    const auto plain = trained(options, 0, Kernels::kFused);
    EXPECT_GT(distance(fused[0], plain[0]), 1e-3) << name;
  }
}

TEST(DropPath, IsNotSeenInEvaluation) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, options] : variants()) {
    if (!why_no_drop_path(options).empty()) continue;
    const auto model = make_model(options);
    const auto x = torch::randn({3, in_channels(options), 32, 32});
    model->eval();
    const auto plain = model->forward(x);
    const auto by_engine = Engine(*model, Kernels::kFused)(x);
    set_drop_path(*model, 0.9);
    EXPECT_TRUE(torch::equal(model->forward(x), plain)) << name;
    model->train();
    EXPECT_TRUE(torch::equal(Engine(*model, Kernels::kFused)(x), by_engine))
        << name;
    EXPECT_TRUE(model->is_training());
  }
}

}  // namespace
}  // namespace skipzoo
