#include "tools/train/plateau.h"

#include <gtest/gtest.h>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

ScheduleOptions impatient() {
  ScheduleOptions options;
  options.name = ScheduleKind::kPlateau;
  options.patience = 0;
  options.factor = 0.5;
  options.threshold = 0.99;  // No loss is better than the first.
  return options;
}

TEST(Plateau, GoesOnFromItsStateAtAnotherRate) {
  Plateau first(impatient(), EvalMetric::kLoss, 0.1);
  for (int64_t epoch = 1; epoch <= 3; ++epoch) first.after_epoch(epoch, 1);
  EXPECT_DOUBLE_EQ(first.lr(), 0.025);
  Plateau second(impatient(), EvalMetric::kLoss, 0.2);
  second.section().load(first.section().save());
  EXPECT_DOUBLE_EQ(second.lr(), 0.05);
  second.after_epoch(4, 1);
  EXPECT_DOUBLE_EQ(second.lr(), 0.025);

  // A run that goes on by another schedule takes the rate it is given.
  Plateau other({}, EvalMetric::kLoss, 0.2);
  other.section().load(first.section().save());
  EXPECT_EQ(other.lr(), 0.2);
  EXPECT_TRUE(other.section().save().empty());
  EXPECT_THROW(second.section().load({{"", torch::zeros({2})}}),
               std::runtime_error);
}

TEST(Plateau, DoesNotCountTheWarmUp) {
  auto options = impatient();
  options.warmup_epochs = 2;
  Plateau plateau(options, EvalMetric::kLoss, 0.1);
  for (int64_t epoch = 1; epoch <= 3; ++epoch) plateau.after_epoch(epoch, 1);
  EXPECT_EQ(plateau.lr(), 0.1);  // The third is the first that counts.
  plateau.after_epoch(4, 1);
  EXPECT_EQ(plateau.lr(), 0.05);
}

TEST(Plateau, OfARunIsInItsCheckpoints) {
  TemporaryFolder folder;
  auto s = small_run();
  s.train.eval_metric = EvalMetric::kLoss;
  s.train.schedule = impatient();
  run(s, folder / "whole");
  run(s, folder / "parts", stop_after(17));
  run(s, folder / "parts");
  expect_same_run(folder / "whole", folder / "parts");
  const auto rows = read_csv(folder / "parts/summary.csv");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_DOUBLE_EQ(rows[1].lr, 0.05);
  EXPECT_DOUBLE_EQ(rows[2].lr, 0.025);
  EXPECT_DOUBLE_EQ(rows[3].lr, 0.0125);
}

}  // namespace
}  // namespace skipzoo
