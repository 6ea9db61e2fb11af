#include "tools/plan/plan.h"

#include <gtest/gtest.h>

#include "tools/config/run_config.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

PicturesAtHand photos(int64_t training, int64_t shorter_side) {
  PicturesAtHand pictures;
  pictures.data.root = "/home/me/photos";
  pictures.data.train_split = ".";
  pictures.data.holdout = 0.2;
  pictures.classes = {"bee", "wasp"};
  pictures.per_class = {training / 2, training - training / 2};
  pictures.training = training;
  pictures.validation = training / 4;
  pictures.shorter_side = shorter_side;
  pictures.statistics = {{0.41239, 0.5, 0.6}, {0.2, 0.25, 0.3}};
  return pictures;
}

Plan first_plan(const PicturesAtHand& pictures,
                const std::optional<Pretrained>& pretrained = {}) {
  const auto all = candidates(pictures, pretrained ? &*pretrained : nullptr);
  return plan_for(pictures, pretrained, all.front(), 20);
}

RunConfig config_of_text(const Plan& plan) {
  const auto loaded = parse_config(config_text(plan, "/home/me", "photos.yaml"),
                                   "photos.yaml", "/home/me", {});
  EXPECT_TRUE(loaded.warnings.empty()) << loaded.warnings.front();
  return loaded.config;
}

Pretrained imagenet_weights() {
  Pretrained pretrained{.weights = "resnet18:IMAGENET1K_V1",
                        .model = ResNetOptions{.depths = {2, 2, 2, 2},
                                               .widths = {64, 128, 256, 512},
                                               .shortcut = Shortcut::kB,
                                               .stem = Stem::kImageNet,
                                               .num_classes = 1000},
                        .data = {}};
  pretrained.data.image_size = 224;
  pretrained.data.crop_pct = 0.875;
  pretrained.data.mean = {0.485, 0.456, 0.406};
  pretrained.data.std = {0.229, 0.224, 0.225};
  return pretrained;
}

TEST(Plan, OfEveryCandidateIsAConfigThatLoads) {
  const std::optional<Pretrained> weights = imagenet_weights();
  for (const int64_t side : {9, 28, 32, 45, 64, 100, 640}) {
    for (const bool begins_from_weights : {false, true}) {
      const auto pictures = photos(1000, side);
      const auto pretrained =
          begins_from_weights ? weights : std::optional<Pretrained>();
      const auto all =
          candidates(pictures, pretrained ? &*pretrained : nullptr);
      ASSERT_FALSE(all.empty());
      for (const auto& one : all) {
        auto plan = plan_for(pictures, pretrained, one, 20);
        choose_epochs(plan, 0.01);
        const auto config = config_of_text(plan);
        EXPECT_EQ(config.data.image_size, one.image_size);
        EXPECT_EQ(num_classes(config.model), 2);
        EXPECT_EQ(config.data.root, "/home/me/photos");
        EXPECT_EQ(config.data.holdout, 0.2);
        EXPECT_EQ(config.train.epochs, plan.epochs);
        EXPECT_EQ(config.fine_tune.enabled(), begins_from_weights);
        EXPECT_EQ(config.data.mean,
                  begins_from_weights ? weights->data.mean
                                      : (std::vector<double>{0.412, 0.5, 0.6}));
        EXPECT_EQ(config.fine_tune.freeze.empty(), !one.head_alone);
      }
    }
  }
}

TEST(Plan, PicturesAreNotEnlargedMuchForANetworkFromScratch) {
  for (const int64_t side : {20, 32, 64, 100, 150, 230}) {
    for (const auto& one : candidates(photos(1000, side), nullptr)) {
      EXPECT_LE(one.image_size, std::max<int64_t>(64, side * 9 / 8)) << side;
    }
  }
  EXPECT_EQ(first_plan(photos(1000, 230)).network.image_size, 224);
  EXPECT_EQ(first_plan(photos(1000, 32)).network.image_size, 32);
}

TEST(Plan, EpochsFitIntoTheMinutes) {
  auto plan = first_plan(photos(1000, 32));
  // 1000 + 0.4 * 250 pictures of 10 ms, and a checkpoint: 11.1 s an epoch, of
  // nine tenths of 20 minutes.
  EXPECT_TRUE(choose_epochs(plan, 0.01));
  EXPECT_EQ(plan.epochs, 97);
  EXPECT_NE(plan.why_epochs.find("what fits into 20 minutes: 10 ms"),
            std::string::npos)
      << plan.why_epochs;
  EXPECT_FALSE(choose_epochs(plan, 0.1));
  EXPECT_EQ(plan.epochs, 9);
  EXPECT_FALSE(choose_epochs(plan, 10));
  EXPECT_EQ(plan.epochs, 1);
  EXPECT_NE(plan.why_epochs.find("takes longer"), std::string::npos);
  EXPECT_TRUE(choose_epochs(plan, 1e-6));
  EXPECT_NE(plan.why_epochs.find("more would hardly help"), std::string::npos);
  // Fewer pictures make fewer steps of an epoch, and need more epochs.
  auto few = first_plan(photos(100, 32));
  EXPECT_FALSE(choose_epochs(few, 0.08));
  EXPECT_GT(few.epochs, 95);
}

TEST(Plan, FewPicturesThatAreSeenOftenAreMixed) {
  const auto mixup = [](int64_t training, int64_t epochs) {
    auto pictures = photos(training, 32);
    auto plan = first_plan(pictures);
    plan.epochs = epochs;
    return config_of_text(plan).data.augment.mixup;
  };
  EXPECT_EQ(mixup(160, 150), 0.4);
  EXPECT_EQ(mixup(160, 50), 0);
  EXPECT_EQ(mixup(4000, 150), 0);
  auto tuned = first_plan(photos(160, 224), imagenet_weights());
  tuned.epochs = 150;
  EXPECT_EQ(config_of_text(tuned).data.augment.mixup, 0);
}

TEST(Plan, WhatIsNamedByItsSideIsNotMirrored) {
  const auto is_mirrored = [](const std::vector<std::string>& classes) {
    auto pictures = photos(1000, 32);
    pictures.classes = classes;
    return config_of_text(first_plan(pictures)).data.augment.hflip;
  };
  EXPECT_FALSE(is_mirrored({"Left", "right"}));
  EXPECT_FALSE(is_mirrored({"turn_left", "turn_right"}));
  EXPECT_TRUE(is_mirrored({"left", "other"}));
  EXPECT_TRUE(is_mirrored({"leftovers", "bright"}));
}

TEST(Plan, RatesAreThoseOfTheSweepWithinReason) {
  auto plan = first_plan(photos(1000, 32));
  EXPECT_EQ(plan.lr, 0.01);
  choose_lr(plan, SweepRates{.valley = 0.001, .least = 0.0421});
  EXPECT_EQ(plan.lr, 0.014);
  EXPECT_EQ(config_of_text(plan).train.optimizer.lr, 0.014);
  choose_lr(plan, SweepRates{.valley = 0.1, .least = 1});
  EXPECT_EQ(plan.lr, 0.025);
  EXPECT_NE(plan.why_lr.find("within a factor of 2.5"), std::string::npos);
  choose_lr(plan, SweepRates{.valley = 1e-7, .least = 1e-6});
  EXPECT_EQ(plan.lr, 0.004);
  auto tuned = first_plan(photos(1000, 32), imagenet_weights());
  EXPECT_EQ(tuned.lr, 0.005);
  choose_lr(tuned, SweepRates{.valley = 0.00312, .least = 0.1});
  EXPECT_EQ(tuned.lr, 0.0031);
  choose_lr(tuned, SweepRates{.valley = 1, .least = 1});
  EXPECT_EQ(tuned.lr, 0.02);
}

TEST(Plan, UnbalancedClassesAreWeighted) {
  auto pictures = photos(100, 32);
  pictures.per_class = {75, 25};
  EXPECT_FALSE(pictures.are_unbalanced());
  EXPECT_EQ(config_of_text(first_plan(pictures)).train.eval_metric,
            EvalMetric::kTop1);
  pictures.per_class = {76, 25};
  EXPECT_TRUE(pictures.are_unbalanced());
  const auto plan = first_plan(pictures);
  const auto config = config_of_text(plan);
  EXPECT_EQ(config.train.class_weights.word, ClassWeighting::kBalanced);
  EXPECT_EQ(config.train.eval_metric, EvalMetric::kMacroF1);
  EXPECT_NE(config_text(plan, "/", "x")
                .find("the largest class has 76 pictures, the smallest 25"),
            std::string::npos);
}

TEST(Plan, GreyPicturesHaveOneChannelButForWeightsOfColour) {
  auto pictures = photos(100, 32);
  pictures.are_grey = true;
  pictures.statistics = {{0.4}, {0.2}};
  EXPECT_EQ(in_channels(config_of_text(first_plan(pictures)).model), 1);
  EXPECT_EQ(in_channels(
                config_of_text(first_plan(pictures, imagenet_weights())).model),
            3);
}

TEST(Plan, PathsAreRelativeWhereTheyCanBe) {
  const auto plan = first_plan(photos(100, 32));
  EXPECT_NE(config_text(plan, "/home/me", "x").find("root: photos "),
            std::string::npos);
  EXPECT_NE(config_text(plan, "/tmp", "x").find("root: /home/me/photos "),
            std::string::npos);
  auto pretrained = imagenet_weights();
  pretrained.weights = "/home/me/net.pth";
  const auto text =
      config_text(first_plan(photos(100, 32), pretrained), "/home/me", "x");
  EXPECT_NE(text.find("weights: net.pth\n"), std::string::npos);
}

}  // namespace
}  // namespace skipzoo
