#include "tools/train/schedule.h"

#include <gtest/gtest.h>

namespace skipzoo {
namespace {

constexpr double kStep = 0.25;  // Four steps an epoch.

TEST(Schedule, ConstantStays) {
  ScheduleOptions constant;
  constant.name = ScheduleKind::kConstant;
  EXPECT_EQ(learning_rate(constant, 0.1, 7.3, kStep, 10), 0.1);
}

TEST(Schedule, StepDropsEverySoManyEpochs) {
  ScheduleOptions step;
  step.name = ScheduleKind::kStep;
  step.step_epochs = 30;
  EXPECT_DOUBLE_EQ(learning_rate(step, 0.1, 29.99, kStep, 90), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(step, 0.1, 30, kStep, 90), 0.01);
  EXPECT_NEAR(learning_rate(step, 0.1, 89, kStep, 90), 0.001, 1e-15);
}

// He et al. 2015, section 4.2: 0.1, divided by 10 at two points.
TEST(Schedule, MultistepDropsAtItsMilestones) {
  ScheduleOptions multistep;
  multistep.name = ScheduleKind::kMultistep;
  multistep.milestones = {82, 123};
  EXPECT_DOUBLE_EQ(learning_rate(multistep, 0.1, 81.9, kStep, 164), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(multistep, 0.1, 82, kStep, 164), 0.01);
  EXPECT_NEAR(learning_rate(multistep, 0.1, 163, kStep, 164), 0.001, 1e-15);
}

TEST(Schedule, CosineGoesFromTheRateToTheLeast) {
  ScheduleOptions cosine;
  cosine.min_lr = 0.02;
  EXPECT_DOUBLE_EQ(learning_rate(cosine, 0.1, 0, kStep, 10), 0.1);
  EXPECT_NEAR(learning_rate(cosine, 0.1, 5, kStep, 10), 0.06, 1e-15);
  EXPECT_NEAR(learning_rate(cosine, 0.1, 10, kStep, 10), 0.02, 1e-15);
}

// Step i of n has warmup_lr + (lr - warmup_lr) * (i + 1) / n.
TEST(Schedule, WarmUpIsALineToTheRateAndTheCosineTakesWhatIsLeft) {
  ScheduleOptions cosine;
  cosine.warmup_epochs = 2;
  for (int i = 0; i < 8; ++i) {
    EXPECT_NEAR(learning_rate(cosine, 0.1, i * kStep, kStep, 10),
                0.1 * (i + 1) / 8, 1e-15);
  }
  EXPECT_DOUBLE_EQ(learning_rate(cosine, 0.1, 2, kStep, 10), 0.1);
  EXPECT_NEAR(learning_rate(cosine, 0.1, 6, kStep, 10), 0.05, 1e-15);
  cosine.warmup_lr = 0.02;
  EXPECT_NEAR(learning_rate(cosine, 0.1, 0, kStep, 10), 0.03, 1e-15);
  EXPECT_NEAR(learning_rate(cosine, 0.1, 1, kStep, 10), 0.07, 1e-15);
}

TEST(Schedule, TheFirstStepOfAWarmUpMovesAndNoneIsAboveTheRate) {
  ScheduleOptions constant;
  constant.name = ScheduleKind::kConstant;
  for (const double epochs : {0.01, 0.3, 1.0, 7.7}) {
    constant.warmup_epochs = epochs;
    double last = 0;
    for (double progress = 0; progress < epochs; progress += kStep) {
      const double lr = learning_rate(constant, 0.1, progress, kStep, 10);
      EXPECT_GT(lr, last);
      EXPECT_LE(lr, 0.1);
      last = lr;
    }
  }
}

// The formula of the runs of old, to the last bit: they go on by it.
TEST(Schedule, AWarmUpFromItsStartKeepsTheRatesOfOldRuns) {
  ScheduleOptions old;
  old.warmup = Warmup::kFromStart;
  old.warmup_epochs = 2;
  EXPECT_EQ(learning_rate(old, 0.1, 0, kStep, 10), 0);
  old.warmup_lr = 0.01;
  for (const double progress : {0.0, 0.25, 0.5, 1.0 + 1.0 / 3}) {
    EXPECT_EQ(learning_rate(old, 0.1, progress, kStep, 10),
              0.01 + (0.1 - 0.01) * progress / 2);
  }
  EXPECT_DOUBLE_EQ(learning_rate(old, 0.1, 2, kStep, 10), 0.1);
}

}  // namespace
}  // namespace skipzoo
