#include "models/residual.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/layers.h"

namespace skipzoo {
namespace {

struct Options {
  std::vector<int64_t> depths = {};
  std::vector<int64_t> widths = {};
  Shortcut shortcut = Shortcut::kB;
};

/// A block of another family than any in the zoo: y = conv(relu(norm(x))) +
/// shortcut, the projection a bare convolution (He et al. 2016,
/// arXiv:1603.05027, figure 1b, with a branch of one convolution).
struct PreActivationImpl : torch::nn::Module {
  static constexpr int64_t kExpansion = 2;

  PreActivationImpl(const BlockShape& shape_, const Options& options)
      : shape(shape_),
        norm(register_module("norm", torch::nn::BatchNorm2d(shape.in))),
        conv(register_module("conv", conv3x3(shape.in, out(), shape.stride))),
        path(options.shortcut, shape.in, out(), shape.stride) {
    if (path.projects()) {
      downsample = register_module(
          "downsample",
          torch::nn::Sequential(conv1x1(shape.in, out(), shape.stride)));
    }
  }
  torch::Tensor forward(const torch::Tensor& x) {
    const auto branch = ops.conv(ops.bn_relu(x, norm), conv);
    const auto past = path.forward(x, downsample, ops);
    return past.defined() ? branch + past : branch;
  }
  int64_t out() const { return shape.width * kExpansion; }

  BlockShape shape;
  Ops ops{Kernels::kFused};
  torch::nn::BatchNorm2d norm;
  torch::nn::Conv2d conv;
  torch::nn::Sequential downsample{nullptr};
  ShortcutPath path;
};
TORCH_MODULE(PreActivation);

struct Network : torch::nn::Module {
  explicit Network(const Options& options)
      : stages(make_stages<PreActivation>(*this, 4, options)) {}
  std::vector<torch::nn::Sequential> stages;
};

std::vector<BlockShape> shapes_of(const Network& network) {
  std::vector<BlockShape> shapes;
  for (const auto& module : network.modules(/*include_self=*/false)) {
    if (const auto* block = module->as<PreActivation>()) {
      shapes.push_back(block->shape);
    }
  }
  return shapes;
}

TEST(MakeStages, TellsEachBlockItsIndexAndTheCountOfAllStages) {
  const auto shapes = shapes_of(Network({{2, 3, 1}, {4, 4, 4}}));
  ASSERT_EQ(shapes.size(), 6u);
  for (size_t i = 0; i < shapes.size(); ++i) {
    EXPECT_EQ(shapes[i].place.index, static_cast<int64_t>(i));
    EXPECT_EQ(shapes[i].place.count, 6);
  }
}

TEST(MakeStages, HalvesInTheFirstBlockOfEachStageButTheFirst) {
  std::vector<std::vector<int64_t>> seen;
  for (const auto& shape : shapes_of(Network({{2, 2}, {6, 8}}))) {
    seen.push_back({shape.in, shape.width, shape.stride});
  }
  EXPECT_EQ(seen, (std::vector<std::vector<int64_t>>{
                      {4, 6, 1}, {12, 6, 1}, {12, 8, 2}, {16, 8, 1}}));
}

TEST(MakeStages, RegistersThemAsLayersInTheirOrder) {
  const Network network({{2, 1}, {4, 4}});
  EXPECT_EQ(names_of_modules<PreActivation>(network),
            (std::vector<std::string>{"layer1.0", "layer1.1", "layer2.0"}));
}

/// What a block of 4 -> 8 channels at stride 2 lets past a branch of zeros.
torch::Tensor past(Shortcut shortcut, const torch::Tensor& x) {
  torch::NoGradGuard no_grad;
  PreActivation block(BlockShape{.in = 4, .width = 4, .stride = 2},
                      Options{.shortcut = shortcut});
  block->conv->weight.zero_();
  if (block->downsample) {
    for (auto& weight : block->downsample->parameters()) weight.fill_(1);
  }
  return block(x);
}

// Each of the five kinds, for a family that is not ResNet.
TEST(ShortcutPath, CarriesTheSignalPastAPreActivationBlock) {
  const auto x = torch::randn({2, 4, 6, 6});
  const auto sampled = x.slice(2, 0, {}, 2).slice(3, 0, {}, 2);
  const auto zeros = torch::zeros_like(sampled);
  const auto halves = zeros.slice(1, 0, 2);
  EXPECT_TRUE(
      torch::equal(past(Shortcut::kNone, x), torch::cat({zeros, zeros}, 1)));
  EXPECT_TRUE(torch::equal(past(Shortcut::kA, x),
                           torch::cat({halves, sampled, halves}, 1)));
  EXPECT_TRUE(
      torch::equal(past(Shortcut::kAEnd, x), torch::cat({sampled, zeros}, 1)));
  // A projection of ones is the sum over the channels.
  const auto sum = sampled.sum(1, /*keepdim=*/true).expand({2, 8, 3, 3});
  EXPECT_TRUE(torch::allclose(past(Shortcut::kB, x), sum, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(past(Shortcut::kC, x), sum, 1e-5, 1e-6));
}

TEST(ShortcutPath, ProjectsWhereShapesDifferOrEverywhere) {
  EXPECT_FALSE(ShortcutPath(Shortcut::kB, 4, 4, 1).projects());
  EXPECT_TRUE(ShortcutPath(Shortcut::kB, 4, 8, 1).projects());
  EXPECT_TRUE(ShortcutPath(Shortcut::kB, 4, 4, 2).projects());
  EXPECT_TRUE(ShortcutPath(Shortcut::kC, 4, 4, 1).projects());
  for (const auto kind : {Shortcut::kA, Shortcut::kAEnd, Shortcut::kNone}) {
    EXPECT_FALSE(ShortcutPath(kind, 4, 8, 2).projects());
  }
}

TEST(Stem, IsAConvolutionAloneWhereBlocksBeginWithABatchNorm) {
  auto conv = stem_convolution(Stem::kCifar, 3, 8);
  torch::nn::BatchNorm2d none{nullptr};
  const auto x = torch::randn({2, 3, 8, 8});
  EXPECT_TRUE(torch::equal(
      run_stem(x, Stem::kCifar, conv, none, Ops(Kernels::kReference)),
      torch::conv2d(x, conv->weight, {}, 1, 1)));
}

TEST(Stem, OfImageNetEndsInAMaxPool) {
  auto conv = stem_convolution(Stem::kImageNet, 3, 8);
  torch::nn::BatchNorm2d norm(8);
  norm->eval();
  const auto x = torch::randn({2, 3, 32, 32});
  const auto y = torch::relu(norm(torch::conv2d(x, conv->weight, {}, 2, 3)));
  EXPECT_TRUE(torch::equal(
      run_stem(x, Stem::kImageNet, conv, norm, Ops(Kernels::kReference)),
      torch::max_pool2d(y, 3, 2, 1)));
}

}  // namespace
}  // namespace skipzoo
