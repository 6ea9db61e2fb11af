#include "models/resnet.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <string>
#include <vector>

#include "models/zoo.h"
#include "tests/models/published.h"

namespace skipzoo {
namespace {

using torch::indexing::Slice;

constexpr BlockShape kWider = {.in = 4, .width = 8, .stride = 2};

/// relu(x) of every second pixel, with `before` and `after` channels of zeros.
torch::Tensor sampled_between_zeros(const torch::Tensor& x, int64_t before,
                                    int64_t after) {
  const auto sampled =
      torch::relu(x.index({"...", Slice(0, {}, 2), Slice(0, {}, 2)}));
  const auto zeros = [&](int64_t channels) {
    return torch::zeros(
        {x.size(0), channels, sampled.size(2), sampled.size(3)});
  };
  return torch::cat({zeros(before), sampled, zeros(after)}, 1);
}

/// The block's output once nothing comes out of its branch.
torch::Tensor with_zeroed_branch(BasicBlock block, const torch::Tensor& x) {
  torch::NoGradGuard no_grad;
  block->bn2->weight.zero_();  // bn2's bias starts at zero, so F(x) == 0.
  return block(x);
}

/// Names of the blocks that have a projection.
std::vector<std::string> projections(const ResNetOptions& options) {
  const std::string end = ".downsample.0.weight";
  std::vector<std::string> blocks;
  for (const auto& [name, tensor] : state_dict(*make_model(options))) {
    if (name.ends_with(end)) {
      blocks.push_back(name.substr(0, name.size() - end.size()));
    }
  }
  return blocks;
}

Problems problems_of(const ResNetOptions& options) {
  Problems problems;
  options.validate(problems);
  return problems;
}

TEST(BasicBlock, IsReluOfItsInputWhenTheBranchIsZeroed) {
  const auto x = torch::randn({2, 4, 8, 8});
  const auto y = with_zeroed_branch(
      BasicBlock(BlockShape{.in = 4, .width = 4}, ResNetOptions{}), x);
  EXPECT_TRUE(torch::equal(y, torch::relu(x)));
}

TEST(Bottleneck, IsReluOfItsInputWhenTheBranchIsZeroed) {
  torch::NoGradGuard no_grad;
  Bottleneck block(BlockShape{.in = 16, .width = 4}, ResNetOptions{});
  block->bn3->weight.zero_();
  const auto x = torch::randn({2, 16, 8, 8});
  EXPECT_TRUE(torch::equal(block(x), torch::relu(x)));
}

// As akamaster/pytorch_resnet_cifar10, whose weights are published.
TEST(BasicBlock, OptionAPutsZeroChannelsOnBothSides) {
  const auto x = torch::randn({2, 4, 7, 8});
  const auto y = with_zeroed_branch(
      BasicBlock(kWider, ResNetOptions{.shortcut = Shortcut::kA}), x);
  EXPECT_TRUE(torch::equal(y, sampled_between_zeros(x, 2, 2)));
}

// As the authors' Lua, fb.resnet.torch.
TEST(BasicBlock, OptionAEndPutsZeroChannelsAfterTheSignal) {
  const auto x = torch::randn({2, 4, 7, 8});
  const ResNetOptions options{.shortcut = Shortcut::kAEnd};
  const auto y = with_zeroed_branch(BasicBlock(kWider, options), x);
  EXPECT_TRUE(torch::equal(y, sampled_between_zeros(x, 0, 4)));
}

TEST(BasicBlock, OptionBIsReluOfItsProjectionWhenTheBranchIsZeroed) {
  const auto x = torch::randn({2, 4, 7, 8});
  BasicBlock block(kWider, ResNetOptions{.shortcut = Shortcut::kB});
  const auto y = with_zeroed_branch(block, x);
  EXPECT_TRUE(
      torch::equal(y, torch::relu(block->end.downsample()->forward(x))));
}

TEST(BasicBlock, HasNoPathPastItInThePlainNetwork) {
  const ResNetOptions plain{.shortcut = Shortcut::kNone};
  const auto y =
      with_zeroed_branch(BasicBlock(BlockShape{.in = 4, .width = 4}, plain),
                         torch::randn({2, 4, 8, 8}));
  EXPECT_TRUE(torch::equal(y, torch::zeros({2, 4, 8, 8})));
}

// "v1.5", torchvision's: the paper's own figure has the stride in the 1x1.
TEST(Bottleneck, HasItsStrideInTheThreeByThree) {
  const Bottleneck block(BlockShape{.in = 16, .width = 4, .stride = 2},
                         ResNetOptions{});
  EXPECT_EQ(block->conv1->options.stride()->at(0), 1);
  EXPECT_EQ(block->conv2->options.stride()->at(0), 2);
}

TEST(ResNet, OptionBProjectsWhereShapesDiffer) {
  EXPECT_EQ(projections({.shortcut = Shortcut::kB}),
            (std::vector<std::string>{"layer2.0", "layer3.0"}));
}

TEST(ResNet, OptionBProjectsInABottlenecksFirstStageToo) {
  EXPECT_EQ(projections({.bottleneck = true, .shortcut = Shortcut::kB}),
            (std::vector<std::string>{"layer1.0", "layer2.0", "layer3.0"}));
}

TEST(ResNet, OptionCProjectsInEachBlock) {
  EXPECT_EQ(projections({.depths = {2, 1, 1}, .shortcut = Shortcut::kC}),
            (std::vector<std::string>{"layer1.0", "layer1.1", "layer2.0",
                                      "layer3.0"}));
}

// Hu et al. 2018, figure 3: the branch is weighed, its shortcut is not.
TEST(BasicBlock, WeighsTheChannelsOfItsBranch) {
  torch::NoGradGuard no_grad;
  ResNetOptions options{.attention = Attention::kSe};
  BasicBlock block(BlockShape{.in = 16, .width = 16}, options);
  const auto x = torch::randn({2, 16, 8, 8});
  const auto branch =
      block->bn2(block->conv2(torch::relu(block->bn1(block->conv1(x)))));
  auto named = block->named_parameters();
  const auto squeeze = [&](const torch::Tensor& means) {
    const auto one = torch::relu(
        torch::conv2d(means, named["se.fc1.weight"], named["se.fc1.bias"]));
    return torch::sigmoid(
        torch::conv2d(one, named["se.fc2.weight"], named["se.fc2.bias"]));
  };
  const auto expected =
      torch::relu(branch * squeeze(branch.mean({2, 3}, true)) + x);
  EXPECT_TRUE(torch::allclose(block(x), expected, 1e-4, 1e-5));
  EXPECT_EQ(named["se.fc1.weight"].size(0), 8);  // Not 16 / 16.
}

TEST(ResNet, RefusesOptionsThatContradictEachOther) {
  EXPECT_EQ(problems_of({.shortcut = Shortcut::kA, .avg_down = true}).size(),
            1u);
  EXPECT_EQ(problems_of(
                {.bottleneck = true, .stride_in_1x1 = true, .blur_pool = true})
                .size(),
            1u);
  EXPECT_EQ(
      problems_of(
          {.widths = {5, 6, 7}, .stem = Stem::kImageNet, .deep_stem = true})
          .size(),
      1u);
}

// An identity has no parameters, so neither has its absence.
TEST(ResNet, PlainNetworkHasAsManyParametersAsOptionA) {
  const ResNetOptions plain{.shortcut = Shortcut::kNone};
  EXPECT_EQ(count_parameters(*make_model(plain)), 269'722);
}

// Goyal et al. 2017, section 5.1: every block starts as its shortcut.
template <typename Block>
void expect_each_block_is_its_shortcut(const ResNetImpl& model) {
  torch::NoGradGuard no_grad;
  int64_t blocks = 0;
  for (const auto& module : model.modules(/*include_self=*/false)) {
    auto* block = module->as<Block>();
    if (block == nullptr) continue;
    ++blocks;
    const auto x = torch::randn({2, block->conv1->options.in_channels(), 4, 4});
    const auto shortcut =
        block->end.downsample() ? block->end.downsample()->forward(x) : x;
    EXPECT_TRUE(torch::equal(block->forward(x), torch::relu(shortcut)));
  }
  EXPECT_EQ(blocks, 3);
}

TEST(ResNet, ZeroInitStartsEachBasicBlockAsItsShortcut) {
  const ResNetImpl model({.depths = {1, 1, 1},
                          .shortcut = Shortcut::kB,
                          .zero_init_residual = true});
  expect_each_block_is_its_shortcut<BasicBlockImpl>(model);
}

TEST(ResNet, ZeroInitStartsEachBottleneckAsItsShortcut) {
  const ResNetImpl model({.depths = {1, 1, 1},
                          .bottleneck = true,
                          .shortcut = Shortcut::kB,
                          .zero_init_residual = true});
  expect_each_block_is_its_shortcut<BottleneckImpl>(model);
}

// He et al. 2015 (arXiv:1502.01852), equation 15: variance 2 / fan, and fan_out
// is torchvision's choice for ResNets.
TEST(ResNet, StartsItsConvolutionsWithHesVariance) {
  const ResNetImpl model({.widths = {64, 128, 256}});
  const auto weight = model.named_parameters()["layer3.0.conv1.weight"];
  const double expected = 2.0 / (256 * 9);
  EXPECT_NEAR(weight.var().item<double>() / expected, 1, 0.05);
}

TEST(ResNetOptions, RefusesZeroInitWithoutAShortcut) {
  const ResNetOptions options{.shortcut = Shortcut::kNone,
                              .zero_init_residual = true};
  ASSERT_EQ(problems_of(options).size(), 1);
  EXPECT_TRUE(problems_of(options)[0].starts_with(
      "zero_init_residual with shortcut: none"));
  EXPECT_THROW(make_model(options), c10::Error);
}

TEST(ResNetOptions, RefusesDepthsAndWidthsOfDifferentLengths) {
  const ResNetOptions options{.depths = {3, 3, 3}, .widths = {16, 32, 64, 128}};
  EXPECT_EQ(problems_of(options),
            Problems{"depths has 3 entries but widths has 4; give one width "
                     "per stage"});
  EXPECT_THROW(make_model(options), c10::Error);
}

TEST(ResNetOptions, RefusesGroupsInABasicBlock) {
  const ResNetOptions options{.groups = 32};
  EXPECT_EQ(problems_of(options).size(), 1);
  EXPECT_THROW(make_model(options), c10::Error);
}

TEST(ResNetOptions, RefusesWidthsThatFallWhereTheShortcutPads) {
  const ResNetOptions options{.widths = {64, 32, 64}};
  EXPECT_EQ(problems_of(options).size(), 1);
  EXPECT_THROW(make_model(options), c10::Error);
}

TEST(ResNetOptions, RefusesABottleneckWithoutChannels) {
  const ResNetOptions options{.bottleneck = true, .width_per_group = 2};
  EXPECT_EQ(problems_of(options).size(), 1);  // 16 * 2 / 64 < 1.
  EXPECT_THROW(make_model(options), c10::Error);
}

TEST(ResNetOptions, NamesAllProblemsAtOnce) {
  const ResNetOptions options{.depths = {3},
                              .shortcut = Shortcut::kNone,
                              .groups = 2,
                              .zero_init_residual = true};
  EXPECT_EQ(problems_of(options).size(), 3);
}

ResNetOptions cifar_bottleneck(int64_t depth) {
  const int64_t n = (depth - 2) / 9;
  return {.depths = {n, n, n}, .bottleneck = true, .shortcut = Shortcut::kB};
}

ResNetOptions resnext29(int64_t groups, int64_t width_per_group) {
  return {.widths = {64, 128, 256},
          .bottleneck = true,
          .shortcut = Shortcut::kB,
          .groups = groups,
          .width_per_group = width_per_group};
}

ResNetOptions with_cifar_stem(ResNetOptions options) {
  options.stem = Stem::kCifar;
  options.num_classes = 10;
  return options;
}

constexpr auto kA = Shortcut::kA;
constexpr auto kB = Shortcut::kB;

// Sources: He et al. 2015, table 6 (0.27M, 0.46M, ... 19.4M), to the last digit
// by akamaster/pytorch_resnet_cifar10; the authors' Lua for bottlenecks and for
// ResNeXt-29 (34.4M, 68.1M in Xie et al. 2016, table 7); torchvision for
// ImageNet's; kuangliu/pytorch-cifar for its networks under a CIFAR stem.
const Published kPublished[] = {
    {"A20", cifar_resnet(20, kA), 269'722, 116, 275'572},
    {"A32", cifar_resnet(32, kA), 464'154, 188, 470'004},
    {"A44", cifar_resnet(44, kA), 658'586, 260, 664'436},
    {"A56", cifar_resnet(56, kA), 853'018, 332, 858'868},
    {"A110", cifar_resnet(110, kA), 1'727'962, 656, 1'733'812},
    {"A1202", cifar_resnet(1202, kA), 19'421'274, 7208, 19'427'124},
    {"B20", cifar_resnet(20, kB), 272'474},
    {"B32", cifar_resnet(32, kB), 466'906},
    {"B44", cifar_resnet(44, kB), 661'338},
    {"B56", cifar_resnet(56, kB), 855'770},
    {"B110", cifar_resnet(110, kB), 1'730'714},
    {"B1202", cifar_resnet(1202, kB), 19'424'026},
    {"Bottleneck164", cifar_bottleneck(164), 1'704'154},
    {"Bottleneck1001", cifar_bottleneck(1001), 10'328'602},
    {"ResNeXt29_8x64d", resnext29(8, 64), 34'426'698, 0, 34'518'948},
    {"ResNeXt29_16x64d", resnext29(16, 64), 68'155'210, 0, 68'247'460},
    {"ResNeXt29_32x4d", resnext29(32, 4), 4'775'754, 0, 4'868'004},
    {"resnet18", imagenet_basic(kDepths18), 11'689'512, 122, 11'227'812,
     11'181'642},
    {"resnet34", imagenet_basic(kDepths50), 21'797'672, 218, 21'335'972,
     21'289'802},
    {"resnet50", imagenet_resnet(kDepths50), 25'557'032, 320, 23'712'932,
     23'528'522},
    {"resnet101", imagenet_resnet(kDepths101), 44'549'160, 626, 42'705'060,
     42'520'650},
    {"resnet152", imagenet_resnet(kDepths152), 60'192'808, 932, 58'348'708,
     58'164'298},
    {"resnet200", imagenet_resnet(kDepths200), 64'673'832, 1220},
    {"wide_resnet50_2", imagenet_resnet(kDepths50, 1, 128), 68'883'240, 320},
    {"wide_resnet101_2", imagenet_resnet(kDepths101, 1, 128), 126'886'696, 626},
    {"resnext50_32x4d", imagenet_resnet(kDepths50, 32, 4), 25'028'904, 320},
    {"resnext101_32x4d", imagenet_resnet(kDepths101, 32, 4), 44'177'704, 626},
    {"resnext101_32x8d", imagenet_resnet(kDepths101, 32, 8), 88'791'336, 626},
    {"resnext101_64x4d", imagenet_resnet(kDepths101, 64, 4), 83'455'272, 626},
    {"resnet18d", resnet_d(imagenet_basic(kDepths18)), 11'708'744, 134},
    {"resnet34d", resnet_d(imagenet_basic(kDepths50)), 21'816'904, 230},
    {"resnet50d", resnet_d(imagenet_resnet(kDepths50)), 25'576'264, 332},
    {"resnet101d", resnet_d(imagenet_resnet(kDepths101)), 44'568'392, 638},
    {"resnet152d", resnet_d(imagenet_resnet(kDepths152)), 60'212'040, 944},
    {"resnet200d", resnet_d(imagenet_resnet(kDepths200)), 64'693'064, 1232},
    {"seresnet18", se_resnet(imagenet_basic(kDepths18)), 11'779'624, 154},
    {"seresnet34", se_resnet(imagenet_basic(kDepths50)), 21'960'416, 282},
    {"seresnet50", se_resnet(imagenet_resnet(kDepths50)), 28'088'024, 384},
    {"seresnet101", se_resnet(imagenet_resnet(kDepths101)), 49'326'872, 758},
    {"seresnet152", se_resnet(imagenet_resnet(kDepths152)), 66'821'848, 1132},
    {"legacy_seresnet18", se_resnet(imagenet_basic(kDepths18), 1), 11'778'592,
     154},
    {"legacy_seresnet34", se_resnet(imagenet_basic(kDepths50), 1), 21'958'868,
     282},
    {"seresnext50_32x4d", se_resnet(imagenet_resnet(kDepths50, 32, 4)),
     27'559'896, 384},
    {"seresnext101_32x4d", se_resnet(imagenet_resnet(kDepths101, 32, 4)),
     48'955'416, 758},
    {"resnetblur50", resnet_blur(imagenet_resnet(kDepths50)), 25'557'032, 320},
    {"ecaresnet50", eca_resnet(imagenet_resnet(kDepths50)), 25'557'118, 336},
    {"kuangliu18", with_cifar_stem(imagenet_basic(kDepths18)), 11'173'962},
    {"kuangliu34", with_cifar_stem(imagenet_basic(kDepths50)), 21'282'122},
    {"kuangliu50", with_cifar_stem(imagenet_resnet(kDepths50)), 23'520'842},
    {"kuangliu101", with_cifar_stem(imagenet_resnet(kDepths101)), 42'512'970},
    {"kuangliu152", with_cifar_stem(imagenet_resnet(kDepths152)), 58'156'618}};

class PublishedResNet : public testing::TestWithParam<Published> {};

TEST_P(PublishedResNet, HasItsPublishedCounts) {
  expect_published_counts(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Networks, PublishedResNet,
                         testing::ValuesIn(kPublished), [](const auto& test) {
                           return std::string(test.param.name);
                         });

}  // namespace
}  // namespace skipzoo
