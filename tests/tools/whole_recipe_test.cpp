// Everything that a recipe can have, at once.

#include <gtest/gtest.h>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

void add_pictures(AugmentOptions& augment) {
  augment.random_resized_crop = true;
  augment.vflip = true;
  augment.rotation = 10;
  augment.color_jitter = {
      .brightness = 0.4, .contrast = 0.4, .saturation = 0.4, .hue = 0.1};
  augment.grayscale = 0.1;
  augment.gaussian_blur = {.p = 0.5, .kernel_size = 3};
  augment.random_erasing = {.p = 0.5, .value = EraseValue::kRandom};
  augment.mixup = 0.2;
  augment.cutmix = 1;
  augment.mix_prob = 0.9;
  augment.mix_off_epoch = 3;
}

Settings whole_recipe(AutoAugment policy, OptimizerKind optimizer,
                      ScheduleKind schedule) {
  auto s = small_run();
  add_pictures(s.data.augment);
  s.data.augment.auto_augment = policy;
  s.data.sampler = Sampler::kBalanced;
  s.batch_transforms = batch_transforms(s.data, num_classes(s.model));
  s.train.optimizer.name = optimizer;
  s.train.optimizer.lr = 0.01;
  s.train.optimizer.no_decay_norm_bias = true;
  s.train.optimizer.lookahead = {.k = 3, .alpha = 0.5};
  s.train.schedule.name = schedule;
  s.train.schedule.decay_epochs = schedule == ScheduleKind::kWsd ? 1 : 0;
  s.train.clip_grad = 0.5;
  s.train.clip_mode = ClipMode::kAgc;
  s.train.grad_accum_steps = 3;
  s.train.loss = Loss::kBce;
  s.train.label_smoothing = 0.1;
  s.train.class_weights.numbers = {1, 2, 1, 0.5};
  s.train.patience = 3;
  s.train.checkpoint_hist = 2;
  return s;
}

class WholeRecipe : public testing::TestWithParam<
                        std::tuple<AutoAugment, OptimizerKind, ScheduleKind>> {
};

TEST_P(WholeRecipe, ResumesBitForBitFromWithinAnEpoch) {
  const auto [policy, optimizer, schedule] = GetParam();
  const auto recipe = [&](int64_t workers) {
    auto s = whole_recipe(policy, optimizer, schedule);
    s.data.workers = workers;
    return s;
  };
  TemporaryFolder folder;
  run(recipe(0), folder / "whole");
  // Seven batches an epoch, of which three make a step.
  run(recipe(1), folder / "parts", stop_after(11));
  run(recipe(4), folder / "parts");
  expect_same_run(folder / "whole", folder / "parts");
}

INSTANTIATE_TEST_SUITE_P(
    Train, WholeRecipe,
    testing::Values(std::tuple{AutoAugment::kTrivialWide, OptimizerKind::kMuon,
                               ScheduleKind::kPlateau},
                    std::tuple{AutoAugment::kAugMix, OptimizerKind::kLamb,
                               ScheduleKind::kOnecycle},
                    std::tuple{AutoAugment::kRandIncreasing,
                               OptimizerKind::kNadamW, ScheduleKind::kWsd}));

}  // namespace
}  // namespace skipzoo
