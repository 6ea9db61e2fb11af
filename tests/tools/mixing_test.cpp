// Mixup and CutMix by timm's rules, the losses of mixed targets, and what makes
// up for classes that are rare.

#include "tools/data/mixing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/data/sampler.h"
#include "tools/train/objective.h"

namespace skipzoo {
namespace {

AugmentOptions options_of(double mixup, double cutmix) {
  AugmentOptions options;
  options.mixup = mixup;
  options.cutmix = cutmix;
  return options;
}

/// Mean and variance of the share over many draws.
std::pair<double, double> moments_of_share(const AugmentOptions& options) {
  constexpr int kDraws = 100'000;
  Random random(5);
  double sum = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double own = draw_mix(options, 32, 32, random).own;
    EXPECT_GE(own, 0);
    EXPECT_LE(own, 1);
    sum += own;
    squares += own * own;
  }
  const double mean = sum / kDraws;
  return {mean, squares / kDraws - mean * mean};
}

TEST(Mix, MixupsShareIsOfTheBetaDistribution) {
  for (const double alpha : {0.1, 0.2, 1.0, 3.0}) {
    const auto [mean, variance] = moments_of_share(options_of(alpha, 0));
    // Beta(a, a): 1/2 and 1 / (4 (2a + 1)); four deviations of the mean.
    const double expected = 1 / (4 * (2 * alpha + 1));
    EXPECT_NEAR(mean, 0.5, 4 * std::sqrt(expected / 1e5));
    EXPECT_NEAR(variance, expected, 0.02 * expected);
  }
  // Of so small an alpha, nearly all pictures stay whole or go altogether.
  const auto [mean, variance] = moments_of_share(options_of(1e-3, 0));
  EXPECT_NEAR(variance, 0.25, 0.005);
}

TEST(Mix, CutMixsShareIsWhatTheBoxLeaves) {
  Random random(6);
  double rows = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto how = draw_mix(options_of(0, 1), 20, 31, random);
    ASSERT_TRUE(how.cuts);
    ASSERT_TRUE(0 <= how.top && how.top <= how.bottom && how.bottom <= 20);
    ASSERT_TRUE(0 <= how.left && how.left <= how.right && how.right <= 31);
    const auto cut =
        static_cast<double>((how.bottom - how.top) * (how.right - how.left));
    ASSERT_DOUBLE_EQ(how.own, 1 - cut / (20 * 31));
    rows += static_cast<double>(how.top + how.bottom) / 2;
  }
  // Its middle is drawn from the first row to the last, and cut by both edges.
  EXPECT_NEAR(rows / 20'000, 9.75, 0.25);
}

TEST(Mix, IsDrawnAsOftenAsAskedFor) {
  auto options = options_of(0.4, 1);
  options.mix_prob = 0.7;
  options.mix_switch_prob = 0.25;
  constexpr int kDraws = 100'000;
  Random random(7);
  int cuts = 0, whole = 0;
  for (int i = 0; i < kDraws; ++i) {
    const auto how = draw_mix(options, 32, 32, random);
    cuts += how.cuts ? 1 : 0;
    whole += !how.cuts && how.own == 1 ? 1 : 0;
  }
  const auto expect_share = [&](int count, double share) {
    EXPECT_NEAR(count / static_cast<double>(kDraws), share,
                4 * std::sqrt(share * (1 - share) / kDraws));
  };
  expect_share(cuts, 0.7 * 0.25);
  expect_share(whole, 0.3);
}

TEST(Mix, MixesPicturesAndTargetsWithTheBatchInReverse) {
  const auto pictures = torch::randn({5, 3, 6, 7});
  const auto labels = torch::tensor({0, 2, 1, 1, 3});
  for (const Mix& how : {Mix{.own = 0.3}, Mix{.own = 1 - 8.0 / 42,
                                          .cuts = true,
                                          .top = 1,
                                          .bottom = 3,
                                          .left = 2,
                                          .right = 6}}) {
    auto images = pictures.contiguous(at::MemoryFormat::ChannelsLast).clone();
    Targets targets{labels};
    mix(how, 4, images, targets);
    for (int64_t n = 0; n < 5; ++n) {
      auto expected = pictures[n].clone();
      if (how.cuts) {
        expected.slice(1, 1, 3).slice(2, 2, 6).copy_(
            pictures[4 - n].slice(1, 1, 3).slice(2, 2, 6));
      } else {
        expected = 0.3 * expected + 0.7 * pictures[4 - n];
      }
      EXPECT_TRUE(torch::allclose(images[n], expected, 1e-6, 1e-6));
      auto likely = torch::zeros({4});
      likely[labels[n].item<int64_t>()] += how.own;
      likely[labels[4 - n].item<int64_t>()] += 1 - how.own;
      EXPECT_TRUE(torch::allclose(targets.values[n], likely));
    }
    EXPECT_EQ(targets.labels()[2].item<int64_t>(), 1);
  }
}

TEST(Mix, LeavesAWholeBatchItsLabels) {
  auto images = torch::randn({2, 1, 2, 2});
  const auto before = images.clone();
  Targets targets{torch::tensor({1, 0})};
  mix(Mix{}, 3, images, targets);
  EXPECT_TRUE(images.equal(before));
  EXPECT_FALSE(targets.is_soft());
}

Settings mixed_run() {
  auto s = small_run();
  s.data.augment.mixup = 0.2;
  s.data.augment.cutmix = 1;
  s.data.augment.mix_prob = 0.8;
  s.data.augment.mix_off_epoch = 3;
  s.data.sampler = Sampler::kBalanced;
  s.train.loss = Loss::kBce;
  s.train.label_smoothing = 0.1;
  s.train.bce_target_threshold = 0.2;
  s.train.class_weights.numbers = {1, 2, 0.5, 1};
  s.batch_transforms = batch_transforms(s.data, num_classes(s.model));
  return s;
}

TEST(Mix, ARunWithAllOfItResumesBitForBit) {
  TemporaryFolder folder;
  run(mixed_run(), folder / "whole");
  run(mixed_run(), folder / "parts", stop_after(10));
  run(mixed_run(), folder / "parts");
  expect_same_run(folder / "whole", folder / "parts");
}

TEST(Mix, EndsWhenItsLastEpochHasBeen) {
  auto s = mixed_run();
  s.data.augment.mix_prob = 1;
  const auto transforms = batch_transforms(s.data, 4);
  ASSERT_EQ(transforms.size(), 1u);
  const auto is_mixed_in = [&](int64_t epoch) {
    auto images = torch::randn({4, 3, 8, 8});
    Targets targets{torch::tensor({0, 1, 2, 3})};
    transform_batch(transforms, images, targets, 1, epoch, 0);
    return targets.is_soft();
  };
  EXPECT_TRUE(is_mixed_in(0));
  EXPECT_TRUE(is_mixed_in(2));
  EXPECT_FALSE(is_mixed_in(3));
  s.data.augment.mixup = s.data.augment.cutmix = 0;
  EXPECT_TRUE(batch_transforms(s.data, 4).empty());
}

TEST(Objective, WeighsClassesAlikeOfLabelsAndSoftTargets) {
  torch::manual_seed(1);
  const auto logits = torch::randn({6, 4}, torch::kDouble);
  const Targets labels{torch::tensor({0, 3, 1, 1, 2, 0})};
  const Targets soft{labels.soft(4).to(torch::kDouble)};
  TrainOptions options;
  options.class_weights.numbers = {1, 0.5, 3, 2};
  const auto weights = torch::tensor({1.0, 0.5, 3.0, 2.0});
  for (const double smoothing : {0.0, 0.1}) {
    options.label_smoothing = smoothing;
    const auto objective = make_objective(options);
    const auto floats = logits.to(torch::kFloat);
    const double found = objective(floats, labels).item<double>();
    EXPECT_NEAR(objective(floats, soft).item<double>(), found, 1e-6);
    // By hand.
    const auto target = soft.values * (1 - smoothing) + smoothing / 4;
    const auto sum =
        -(target * weights * logits.log_softmax(1)).sum().item<double>();
    EXPECT_NEAR(
        found, sum / weights.index({labels.values}).sum().item<double>(), 1e-6);
  }
}

TEST(Objective, OfBceIsTimms) {
  torch::manual_seed(2);
  const auto logits = torch::randn({3, 4});
  const Targets labels{torch::tensor({2, 0, 3})};
  TrainOptions options;
  options.loss = Loss::kBce;
  options.label_smoothing = 0.1;
  const auto by_hand = [&](const torch::Tensor& target) {
    const auto p = logits.to(torch::kDouble).sigmoid();
    return -(target * p.log() + (1 - target) * (1 - p).log())
                .mean()
                .item<double>();
  };
  const auto smooth = labels.soft(4).to(torch::kDouble) * 0.9 + 0.1 / 4;
  EXPECT_NEAR(make_objective(options)(logits, labels).item<double>(),
              by_hand(smooth), 1e-6);
  // Of a mixed picture, both classes count in full beyond the threshold.
  options.bce_target_threshold = 0.2;
  const Targets mixed{torch::tensor(
      {{0.7F, 0.3F, 0.F, 0.F}, {0.9F, 0.1F, 0.F, 0.F}, {0.F, 0.F, 0.F, 1.F}})};
  const auto hard = torch::tensor(
      {{1.0, 1.0, 0.0, 0.0}, {1.0, 0.0, 0.0, 0.0}, {0.0, 0.0, 0.0, 1.0}});
  EXPECT_NEAR(make_objective(options)(logits, mixed).item<double>(),
              by_hand(hard), 1e-6);
}

/// Ninety pictures of the first class, nine of the second, one of the third,
/// none of the fourth.
DatasetPtr uneven() {
  std::vector<int64_t> labels(90, 0);
  labels.insert(labels.end(), 9, 1);
  labels.push_back(2);
  return std::make_shared<MemoryDataset>(
      std::vector<uint8_t>(100), 1, 1, 1, labels,
      std::vector<std::string>{"a", "b", "c", "d"}, "made");
}

TEST(ClassWeights, BalancedAreByTheCounts) {
  TrainOptions options;
  const auto data = uneven();
  EXPECT_EQ(class_counts(*data), (std::vector<int64_t>{90, 9, 1, 0}));
  EXPECT_TRUE(with_class_weights(options, *data).class_weights.numbers.empty());
  options.class_weights.word = ClassWeighting::kBalanced;
  EXPECT_EQ(with_class_weights(options, *data).class_weights.numbers,
            (std::vector<double>{100.0 / (4 * 90), 100.0 / (4 * 9), 25, 0}));
}

TEST(Sampler, BalancedShowsClassesEquallyOften) {
  const auto data = uneven();
  std::map<int64_t, int> by_class, by_picture;
  constexpr int kEpochs = 300;
  for (uint64_t epoch = 0; epoch < kEpochs; ++epoch) {
    Random random(1, epoch);
    const auto order = balanced_order(*data, random);
    ASSERT_EQ(order.size(), 100u);
    std::map<int64_t, int> once;
    for (const int64_t index : order) {
      ++by_class[data->label(index)];
      ++once[index];
    }
    // None of a class comes again before all have come.
    for (int64_t i = 0; i < 90; ++i) EXPECT_LE(once[i], 1);
  }
  ASSERT_EQ(by_class.size(), 3u);
  const double third = 100.0 * kEpochs / 3;
  for (const auto& [label, count] : by_class) {
    EXPECT_NEAR(count, third, 4 * std::sqrt(third * 2 / 3)) << label;
  }
}

TEST(Sampler, BalancedBatchesDoNotDependOnWorkers) {
  const auto data = make_synthetic(50, 8, 3, 5, Split::kTrain);
  DataOptions options;
  options.batch_size = 8;
  options.sampler = Sampler::kBalanced;
  std::vector<torch::Tensor> all;
  for (const int64_t workers : {0, 1, 4}) {
    options.workers = workers;
    Loader loader(data, options, Loader::Mode::kTrain, 3, false);
    std::vector<torch::Tensor> indices;
    for (const Batch& batch : loader.epoch(2)) indices.push_back(batch.indices);
    all.push_back(torch::cat(indices));
  }
  EXPECT_TRUE(all[0].equal(all[1]));
  EXPECT_TRUE(all[0].equal(all[2]));
}

}  // namespace
}  // namespace skipzoo
