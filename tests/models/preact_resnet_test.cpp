#include "models/preact_resnet.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <string>
#include <vector>

#include "models/zoo.h"
#include "tests/models/published.h"

namespace skipzoo {
namespace {

Problems problems_of(const PreActResNetOptions& options) {
  Problems problems;
  options.validate(problems);
  return problems;
}

// Nothing stands on the way past a block: its input goes through as it is.
TEST(PreActBlock, IsItsInputWhenTheBranchIsZeroed) {
  torch::NoGradGuard no_grad;
  const auto x = torch::randn({2, 4, 8, 8});
  PreActBlock block(BlockShape{.in = 4, .width = 4}, PreActResNetOptions{});
  block->conv2->weight.zero_();
  EXPECT_TRUE(torch::equal(block(x), x));
  const auto y = torch::randn({2, 16, 8, 8});
  PreActBottleneck bottleneck(BlockShape{.in = 16, .width = 4},
                              PreActResNetOptions{.bottleneck = true});
  bottleneck->conv3->weight.zero_();
  EXPECT_TRUE(torch::equal(bottleneck(y), y));
}

// Where shapes change, BatchNorm and ReLU are common to both ways.
TEST(PreActBlock, ProjectsWhatIsActivatedWhereShapesChange) {
  torch::NoGradGuard no_grad;
  const auto x = torch::randn({2, 4, 7, 8});
  PreActBlock block(BlockShape{.in = 4, .width = 8, .stride = 2},
                    PreActResNetOptions{});
  block->conv2->weight.zero_();
  const auto activated = torch::relu(block->bn1(x));
  const auto weight = block->named_parameters()["downsample.0.weight"];
  EXPECT_TRUE(torch::allclose(
      block(x), torch::conv2d(activated, weight, {}, /*stride=*/2), 1e-5,
      1e-6));
}

TEST(PreActBottleneck, HasItsStrideWhereTheOptionsSay) {
  const BlockShape shape{.in = 16, .width = 4, .stride = 2};
  PreActResNetOptions options{.bottleneck = true};
  for (const bool early : {false, true}) {
    options.stride_in_1x1 = early;
    const PreActBottleneck block(shape, options);
    EXPECT_EQ(block->conv1->options.stride()->at(0), early ? 2 : 1);
    EXPECT_EQ(block->conv2->options.stride()->at(0), early ? 1 : 2);
  }
}

TEST(PreActBlock, DropsOnlyInTraining) {
  torch::manual_seed(1);
  PreActBlock block(BlockShape{.in = 4, .width = 4},
                    PreActResNetOptions{.drop_rate = 0.5});
  const auto x = torch::randn({2, 4, 8, 8});
  EXPECT_FALSE(torch::equal(block(x), block(x)));
  block->eval();
  EXPECT_TRUE(torch::equal(block(x), block(x)));
}

TEST(PreActResNet, RefusesWhatContradictsItself) {
  EXPECT_TRUE(problems_of(wide_resnet(16, 4)).empty());
  EXPECT_EQ(problems_of({.bottleneck = true, .drop_rate = 0.3}).size(), 1u);
  EXPECT_EQ(problems_of({.stem_width = 32, .shortcut = Shortcut::kA}).size(),
            1u);
  EXPECT_TRUE(
      problems_of({.stem_width = 32, .shortcut = Shortcut::kB}).empty());
}

class PublishedPreAct : public testing::TestWithParam<Published> {};

TEST_P(PublishedPreAct, HasItsCounts) { expect_published_counts(GetParam()); }

// He et al.'s and Zagoruyko's own code; kuangliu's; timm's resnetv2.
INSTANTIATE_TEST_SUITE_P(
    Networks, PublishedPreAct,
    testing::Values(
        Published{"110", preact_basic(110), 1'727'962},
        Published{"164", preact_bottlenecks(164), 1'703'258, 0, 1'726'388},
        Published{"1001", preact_bottlenecks(1001), 10'327'706, 0, 10'350'836},
        Published{"kuangliu18", kuangliu_preact18(), 11'171'146},
        Published{"wrn_16_4", wide_resnet(16, 4), 2'748'890, 0, 2'772'020},
        Published{"wrn_16_8", wide_resnet(16, 8), 10'961'370, 0, 11'007'540},
        Published{"wrn_22_8", wide_resnet(22, 8), 17'158'106, 0, 17'204'276},
        Published{"wrn_28_10", wide_resnet(28, 10), 36'479'194, 0, 36'536'884},
        Published{"wrn_40_1", wide_resnet(40, 1), 563'930, 0, 569'780},
        Published{"wrn_40_2", wide_resnet(40, 2), 2'243'546, 0, 2'255'156},
        Published{"wrn_40_4", wide_resnet(40, 4), 8'949'210, 0, 8'972'340},
        Published{"wrn_40_10", wide_resnet(40, 10), 55'841'754, 0, 55'899'444},
        Published{"resnetv2_50", resnetv2(kDepths50, true), 25'549'352, 300},
        Published{"resnetv2_101", resnetv2(kDepths101, true), 44'541'480, 606},
        Published{"resnetv2_152", resnetv2(kDepths152, true), 60'185'128, 912}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace skipzoo
