// Everything that a recipe can have, at once.

#include <gtest/gtest.h>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/ticking_clock.h"
#include "tools/config/run_config.h"
#include "tools/train/objective.h"

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
  augment.random_erasing = {.p = 0.5, .value = {EraseValue::kRandom}};
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
  s.data.repeats = 2;
  s.data.progressive_resizing = {
      .min_res = 6, .max_res = 9, .end_ramp = 3, .multiple = 1};
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
  s.train.ema = {.decay = 0.9, .warmup = true, .every = 2};
  s.train.amp = Amp::kFp16;  // On the CPU, of it the loss scaler alone.
  s.train.max_minutes = 0.5;
  return s;
}

class WholeRecipe : public testing::TestWithParam<
                        std::tuple<AutoAugment, OptimizerKind, ScheduleKind>> {
};

TEST_P(WholeRecipe, ResumesBitForBitFromWithinAnEpoch) {
  const auto [policy, optimizer, schedule] = GetParam();
  const auto recipe = [policy = policy, optimizer = optimizer,
                       schedule = schedule](int64_t workers) {
    auto s = whole_recipe(policy, optimizer, schedule);
    s.data.workers = workers;
    return s;
  };
  const auto by = [](std::function<double()> clock, TrainerHooks hooks = {}) {
    hooks.seconds = std::move(clock);
    return hooks;
  };
  TemporaryFolder folder;
  run(recipe(0), folder / "whole", by(ticking_clock()));
  // Seven batches an epoch, of which three make a step. A second each: the half
  // minute is over within the third epoch.
  run(recipe(1), folder / "parts", by(ticking_clock(), stop_after(11)));
  run(recipe(4), folder / "parts", by(ticking_clock(99)));
  expect_same_run(folder / "whole", folder / "parts");
  const auto last = load_checkpoint(folder / "whole/last.skz");
  EXPECT_EQ(last.position.epoch, 3);
  EXPECT_LT(last.position.step, 21);
  for (const char* section : {"model", "ema_steps", "loss_scaler", "optimizer",
                              "time_limit", "random"}) {
    EXPECT_TRUE(last.sections.contains(section)) << section;
  }
}

TEST_P(WholeRecipe, AnyNumberOfWorkersGivesTheSameBatches) {
  const auto [policy, optimizer, schedule] = GetParam();
  const auto batches = [policy = policy, optimizer = optimizer,
                        schedule = schedule](int64_t workers) {
    auto s = whole_recipe(policy, optimizer, schedule);
    s.data.workers = workers;
    Loader loader(make_synthetic(100, 8, 3, 4, Split::kTrain), s.data,
                  Loader::Mode::kTrain, s.train.seed, false);
    std::vector<torch::Tensor> all;
    for (int64_t epoch = 0; epoch < 2; ++epoch) {
      for (const Batch& batch : loader.epoch(epoch)) {
        all.insert(all.end(),
                   {batch.images, batch.targets.values, batch.indices});
      }
    }
    return all;
  };
  const auto expected = batches(0);
  EXPECT_EQ(expected.size(), 2u * 7 * 3);
  EXPECT_FALSE(torch::equal(expected[0], expected[3 * 7]));
  for (const int64_t workers : {1, 4}) {
    const auto found = batches(workers);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_TRUE(torch::equal(found[i], expected[i])) << workers << ' ' << i;
    }
  }
}

// Mixup's targets are as wide as the network, which bce takes as they are.
TEST(Recipe, MixupWithBceTakesItsClassesFromTheModel) {
  const auto config =
      parse_config(
          "model: {family: resnet, num_classes: 7}\n"
          "data: {dataset: synthetic, image_size: 8, augment: {mixup: 1}}\n"
          "train: {loss: bce}\n",
          "run.yaml", "/folder")
          .config;
  auto images = torch::rand({4, 3, 8, 8});
  Targets targets{torch::tensor({0, 6, 2, 5})};
  transform_batch(batch_transforms(config.data, num_classes(config.model)),
                  images, targets, 1, 0, 0);
  ASSERT_EQ(targets.values.sizes(), (std::vector<int64_t>{4, 7}));
  EXPECT_TRUE(torch::allclose(targets.values.sum(1), torch::ones({4})));
  const auto logits = torch::linspace(-2, 2, 28).view({4, 7});
  const auto p = logits.to(torch::kDouble).sigmoid();
  const auto by_hand =
      -(targets.values * p.log() + (1 - targets.values) * (1 - p).log())
           .mean()
           .item<double>();
  EXPECT_NEAR(make_objective(config.train)(logits, targets).item<double>(),
              by_hand, 1e-6);
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
