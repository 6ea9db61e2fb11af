#include "tools/train/schedule.h"

#include <gtest/gtest.h>

namespace skipzoo {
namespace {

TEST(Schedule, ConstantStays) {
  ScheduleOptions constant;
  constant.name = ScheduleKind::kConstant;
  EXPECT_EQ(learning_rate(constant, 0.1, 7.3, 10), 0.1);
}

TEST(Schedule, StepDropsEverySoManyEpochs) {
  ScheduleOptions step;
  step.name = ScheduleKind::kStep;
  step.step_epochs = 30;
  EXPECT_DOUBLE_EQ(learning_rate(step, 0.1, 29.99, 90), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(step, 0.1, 30, 90), 0.01);
  EXPECT_NEAR(learning_rate(step, 0.1, 89, 90), 0.001, 1e-15);
}

// He et al. 2015, section 4.2: 0.1, divided by 10 at two points.
TEST(Schedule, MultistepDropsAtItsMilestones) {
  ScheduleOptions multistep;
  multistep.name = ScheduleKind::kMultistep;
  multistep.milestones = {82, 123};
  EXPECT_DOUBLE_EQ(learning_rate(multistep, 0.1, 81.9, 164), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(multistep, 0.1, 82, 164), 0.01);
  EXPECT_NEAR(learning_rate(multistep, 0.1, 163, 164), 0.001, 1e-15);
}

TEST(Schedule, CosineGoesFromTheRateToTheLeast) {
  ScheduleOptions cosine;
  cosine.min_lr = 0.02;
  EXPECT_DOUBLE_EQ(learning_rate(cosine, 0.1, 0, 10), 0.1);
  EXPECT_NEAR(learning_rate(cosine, 0.1, 5, 10), 0.06, 1e-15);
  EXPECT_NEAR(learning_rate(cosine, 0.1, 10, 10), 0.02, 1e-15);
}

TEST(Schedule, WarmUpIsALineAndTheCosineTakesWhatIsLeft) {
  ScheduleOptions cosine;
  cosine.warmup_epochs = 2;
  cosine.warmup_lr = 0.01;
  EXPECT_DOUBLE_EQ(learning_rate(cosine, 0.1, 0, 10), 0.01);
  EXPECT_NEAR(learning_rate(cosine, 0.1, 1, 10), 0.055, 1e-15);
  EXPECT_DOUBLE_EQ(learning_rate(cosine, 0.1, 2, 10), 0.1);
  EXPECT_NEAR(learning_rate(cosine, 0.1, 6, 10), 0.05, 1e-15);
}

}  // namespace
}  // namespace skipzoo
