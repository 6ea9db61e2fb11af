#include "models/summary.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <vector>

#include "models/zoo.h"
#include "tests/models/published.h"
#include "tests/support/variants.h"

namespace skipzoo {
namespace {

NetworkSummary summary_of(const ModelOptions& options, int64_t size) {
  return summarise(*make_model(options), {3, size, size});
}

// By hand: a stem of 442,368; 18 convolutions of 2,359,296, of which the two
// that halve the image cost half; a head of 640.
TEST(Summary, CountsResNet20sMultiplyAccumulates) {
  EXPECT_EQ(summary_of(ResNetOptions{}, 32).macs, 40'551'040);
}

// 4.09G in torchvision's table of weights.
TEST(Summary, CountsResNet50sMultiplyAccumulates) {
  EXPECT_EQ(summary_of(imagenet_resnet(kDepths50), 224).macs, 4'089'184'256);
}

// 2.83G in torchvision's table of weights.
TEST(Summary, CountsDenseNet121sMultiplyAccumulates) {
  EXPECT_EQ(summary_of(imagenet_densenet({6, 12, 24, 16}), 224).macs,
            2'834'161'664);
}

// 0.29G in gpleiss/efficient_densenet_pytorch's network of that name.
TEST(Summary, CountsDenseNetBC100k12sMultiplyAccumulates) {
  EXPECT_EQ(summary_of(DenseNetOptions{}, 32).macs, 287'929'692);
}

// Each group sees its own channels only: 4 of 128 here, in 56x56 places.
TEST(Summary, CountsAGroupedConvolutionByItsGroups) {
  const auto summary = summary_of(imagenet_resnet(kDepths50, 32, 4), 224);
  ASSERT_EQ(summary.layers.at(4).name, "layer1.0.conv2");
  EXPECT_EQ(summary.layers.at(4).macs, 128 * 4 * 9 * 56 * 56);
}

TEST(Summary, HasTheLayersInTheOrderTheyRun) {
  const auto summary = summary_of(ResNetOptions{}, 32);
  EXPECT_EQ(summary.layers.front().name, "conv1");
  EXPECT_EQ(summary.layers.front().output_shape,
            (std::vector<int64_t>{16, 32, 32}));
  EXPECT_EQ(summary.layers.front().parameters, 16 * 3 * 9);
  EXPECT_EQ(summary.layers.back().name, "fc");
  EXPECT_EQ(summary.layers.back().output_shape, (std::vector<int64_t>{10}));
  EXPECT_EQ(summary.layers.back().parameters, 64 * 10 + 10);
}

TEST(Summary, LeavesNoParameterOutAndCountsNoneTwice) {
  for (const auto& [name, options] : variants()) {
    const auto model = make_model(options);
    const auto summary = summarise(*model, {in_channels(options), 32, 32});
    int64_t parameters = 0;
    for (const auto& layer : summary.layers) parameters += layer.parameters;
    EXPECT_EQ(parameters, count_parameters(*model)) << name;
    EXPECT_EQ(summary.parameters, parameters) << name;
  }
}

// What a block has itself is a line of its own: of Fixup a factor and two
// scalars, of which the first is added before the branch and past it.
TEST(Summary, NamesTheFactorsOfABlock) {
  const auto summary =
      summary_of(fixup(skip_net(ConvShortcut::kProjection)), 32);
  std::vector<std::string> names;
  for (const auto& layer : summary.layers) {
    if (layer.name.starts_with("blocks.1.")) names.push_back(layer.name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{
                       "blocks.1.bias1a", "blocks.1.conv1", "blocks.1.bias2a",
                       "blocks.1.skip.0", "blocks.1.conv2", "blocks.1.scale"}));
}

TEST(Summary, LeavesTheModeAsItWas) {
  const auto model = make_model(ResNetOptions{});
  for (const bool training : {true, false}) {
    model->train(training);
    summarise(*model, {3, 32, 32});
    for (const auto& module : model->modules()) {
      EXPECT_EQ(module->is_training(), training);
    }
  }
}

TEST(Summary, LeavesTheStatisticsAsTheyWere) {
  const auto model = make_model(ResNetOptions{});
  summarise(*model, {3, 32, 32});
  const auto buffers = model->named_buffers();
  EXPECT_EQ(buffers["bn1.num_batches_tracked"].item<int64_t>(), 0);
  EXPECT_EQ(buffers["bn1.running_mean"].abs().max().item<float>(), 0);
}

TEST(Summary, LeavesTheModeAsItWasWhenTheImageDoesNotFit) {
  const auto model = make_model(ResNetOptions{});
  EXPECT_THROW(summarise(*model, {4, 32, 32}), c10::Error);
  EXPECT_TRUE(model->is_training());
}

}  // namespace
}  // namespace skipzoo
