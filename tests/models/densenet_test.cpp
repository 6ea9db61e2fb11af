#include "models/densenet.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <string>
#include <vector>

#include "models/zoo.h"
#include "tests/models/published.h"

namespace skipzoo {
namespace {

/// Four layers of growth 3 after five channels.
DenseNetOptions small() { return {.growth_rate = 3, .bn_size = 2}; }

TEST(DenseBlock, PassesItsInputOnAsItsFirstChannels) {
  DenseBlock block(/*in=*/5, /*layers=*/4, small());
  const auto x = torch::randn({2, 5, 6, 6});
  EXPECT_TRUE(torch::equal(block(x).slice(1, 0, 5), x));
}

TEST(DenseBlock, AddsGrowthRateChannelsPerLayerAtTheSameSize) {
  DenseBlock block(/*in=*/5, /*layers=*/4, small());
  EXPECT_EQ(block(torch::randn({2, 5, 6, 7})).sizes(),
            (std::vector<int64_t>{2, 5 + 4 * 3, 6, 7}));
}

// Huang et al. 2017, equation 2: x_l = H_l([x_0, x_1, ..., x_{l-1}]).
TEST(DenseBlock, GivesEachLayerTheFeaturesOfAllBeforeIt) {
  DenseBlock block(/*in=*/5, /*layers=*/3, small());
  block->to(torch::kFloat64);
  const auto features = block(torch::randn({2, 5, 6, 6}, torch::kFloat64));
  for (int64_t l = 0; l < 3; ++l) {
    const int64_t before = 5 + 3 * l;
    auto& layer = block->layers.at(static_cast<size_t>(l));
    EXPECT_TRUE(torch::allclose(layer(features.slice(1, 0, before)),
                                features.slice(1, before, before + 3)))
        << "layer " << l + 1;
  }
}

TEST(DenseLayer, HasNoBottleneckAtBnSizeZero) {
  DenseLayer layer(/*in=*/5, DenseNetOptions{.growth_rate = 3, .bn_size = 0});
  EXPECT_TRUE(layer->conv2.is_empty());
  EXPECT_EQ(layer->conv1->weight.sizes(), (std::vector<int64_t>{3, 5, 3, 3}));
}

// Srivastava et al. 2014: an element is 0, or scaled by 1 / (1 - p).
TEST(DenseLayer, DropsNewFeaturesInTraining) {
  auto options = small();
  DenseLayer kept(/*in=*/5, options);
  options.drop_rate = 0.5;
  DenseLayer dropped(/*in=*/5, options);
  for (const auto& item : kept->named_parameters()) {
    dropped->named_parameters()[item.key()].set_data(item.value());
  }
  const auto x = torch::randn({2, 5, 16, 16});
  const auto y = dropped(x);
  const auto mask = y != 0;
  EXPECT_TRUE(torch::equal(y, mask * (2 * kept(x))));
  EXPECT_NEAR(mask.to(torch::kFloat64).mean().item<double>(), 0.5, 0.1);
}

TEST(DenseNet, DropsNothingInEvalMode) {
  for (const auto after : {DropAfter::kLayers, DropAfter::kConvolutions}) {
    const auto model = make_model(DenseNetOptions{
        .block_config = {2, 2}, .drop_rate = 0.5, .drop_after = after});
    model->eval();
    const auto x = torch::randn({2, 3, 8, 8});
    EXPECT_TRUE(torch::equal(model->forward(x), model->forward(x)));
  }
}

// The authors' densenet.lua: nn.Dropout behind each convolution but the first,
// so behind a transition's, before it pools, too.
TEST(Transition, DropsWhereThePaperDoes) {
  const auto zeros_of = [](DropAfter after) {
    Transition transition(
        /*in=*/6, /*out=*/4,
        DenseNetOptions{.drop_rate = 0.5, .drop_after = after});
    // A mean of four is zero where all four were dropped.
    return (transition(torch::randn({2, 6, 64, 64})) == 0)
        .to(torch::kDouble)
        .mean()
        .item<double>();
  };
  EXPECT_EQ(zeros_of(DropAfter::kLayers), 0);
  EXPECT_NEAR(zeros_of(DropAfter::kConvolutions), 1.0 / 16, 0.02);
}

TEST(DenseLayer, DropsWhatIsBetweenItsConvolutionsWhereThePaperDoes) {
  auto options = small();
  options.drop_rate = 0.5;
  options.drop_after = DropAfter::kConvolutions;
  DenseLayer layer(/*in=*/5, options);
  const auto x = torch::randn({2, 5, 16, 16});
  layer(x);
  // The running variance of what is halved and doubled at random, with a mean
  // of zero, is twice that of what is not.
  const auto dropped = layer->norm2->running_var.clone();
  options.drop_after = DropAfter::kLayers;
  DenseLayer other(/*in=*/5, options);
  for (const auto& item : layer->named_parameters()) {
    other->named_parameters()[item.key()].set_data(item.value());
  }
  other(x);
  EXPECT_TRUE(((dropped - 0.9) > 1.5 * (other->norm2->running_var - 0.9))
                  .all()
                  .item<bool>());
}

TEST(Transition, HalvesHeightAndWidthRoundedDown) {
  Transition transition(/*in=*/6, /*out=*/4, DenseNetOptions{});
  EXPECT_EQ(transition(torch::randn({2, 6, 7, 8})).sizes(),
            (std::vector<int64_t>{2, 4, 3, 4}));
}

// Section 3, "Compression": floor(theta * m) feature maps.
TEST(DenseNet, RoundsTheChannelsOfATransitionDown) {
  const auto model = make_model(DenseNetOptions{
      .block_config = {1, 1}, .growth_rate = 4, .num_init_features = 5});
  EXPECT_EQ(
      model->named_parameters()["features.transition1.conv.weight"].sizes(),
      (std::vector<int64_t>{4, 9, 1, 1}));
}

// He et al. 2015 (arXiv:1502.01852), equation 10: variance 2 / fan_in, which is
// torchvision's choice for DenseNets.
TEST(DenseNet, StartsItsConvolutionsWithHesVariance) {
  const auto model = make_model(DenseNetOptions{});
  const auto weight =
      model->named_parameters()["features.transition1.conv.weight"];
  const double expected = 2.0 / static_cast<double>(weight.size(1));
  EXPECT_NEAR(weight.var().item<double>() / expected, 1, 0.05);
}

TEST(DenseNetOptions, RefusesACompressionThatLeavesNothing) {
  const DenseNetOptions options{.block_config = {1, 1},
                                .growth_rate = 1,
                                .num_init_features = 1,
                                .compression = 0.1};
  Problems problems;
  options.validate(problems);
  ASSERT_EQ(problems.size(), 1);
  EXPECT_TRUE(problems[0].ends_with("leaves no channel after block 1"));
  EXPECT_THROW(make_model(options), c10::Error);
}

// Sources: Huang et al. 2017, table 2 (1.0M, 7.0M, 27.2M, 0.8M, 15.3M, 25.6M),
// to the last digit by gpleiss/efficient_densenet_pytorch and the authors' Lua;
// torchvision for ImageNet's, and 264 by the same code with the paper's blocks.
const Published kPublished[] = {
    {"L40k12", densenet(40, 12), 1'019'722, 0, 1'060'132},
    {"L40k12_stem24", densenet(40, 12, 24), 1'059'298, 0, 1'100'428},
    {"L100k12", densenet(100, 12), 6'979'642, 0, 7'084'852},
    {"L100k12_stem24", densenet(100, 12, 24), 7'083'538},
    {"L100k24", densenet(100, 24), 27'249'082, 0, 27'457'972},
    {"L100k24_stem48", densenet(100, 24, 48), 28'071'706},
    {"BC_L100k12", densenet_bc(100, 12), 769'162, 0, 800'032},
    {"BC_L250k24", densenet_bc(250, 24), 15'324'406, 0, 15'480'556},
    {"BC_L190k40", densenet_bc(190, 40), 25'624'430, 0, 25'821'620},
    {"BC_L40k12", densenet_bc(40, 12), 176'122},
    {"BC_L40k36", densenet_bc(40, 36), 1'542'682},
    {"BC_L40k48", densenet_bc(40, 48), 2'733'130},
    {"BC_L40k60", densenet_bc(40, 60), 4'261'690},
    {"densenet121", imagenet_densenet({6, 12, 24, 16}), 7'978'856, 727, 0,
     6'964'106},
    {"densenet161", imagenet_densenet({6, 12, 36, 24}, 48), 28'681'000, 967, 0,
     26'494'090},
    {"densenet169", imagenet_densenet({6, 12, 32, 32}), 14'149'480, 1015, 0,
     12'501'130},
    {"densenet201", imagenet_densenet({6, 12, 48, 32}), 20'013'928, 1207, 0,
     18'112'138},
    {"densenet264", imagenet_densenet({6, 12, 64, 48}), 33'337'704, 1591},
    // timm's.
    {"densenet264d", deep_densenet(imagenet_densenet({6, 12, 64, 48}, 48)),
     72'736'216, 1603},
    {"densenetblur121d", blur_densenet(imagenet_densenet({6, 12, 24, 16})),
     7'998'088, 739}};

class PublishedDenseNet : public testing::TestWithParam<Published> {};

TEST_P(PublishedDenseNet, HasItsPublishedCounts) {
  expect_published_counts(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Networks, PublishedDenseNet,
                         testing::ValuesIn(kPublished), [](const auto& test) {
                           return std::string(test.param.name);
                         });

}  // namespace
}  // namespace skipzoo
