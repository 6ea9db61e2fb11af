// train.max_minutes: when the clock decides on the end of a run, how, and that
// nothing asks it afterwards.

#include "tools/train/time_limit.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/ticking_clock.h"

namespace skipzoo {
namespace {

TEST(TimeLimit, TimesBatchesButTheFirstThreeAndThoseThatAreSlow) {
  for (const int64_t slow : {0, 2, 5}) {
    TimeLimit limit(100, slow);  // 6,000 seconds: a fiftieth is 120.
    EXPECT_TRUE(limit.is_measuring());
    double now = 500;
    limit.begin_epoch(now);
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(limit.after_batch(now += 30));
    for (int i = 3; i < slow; ++i) EXPECT_FALSE(limit.after_batch(now += 30));
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(limit.after_batch(now += 2));
    limit.begin_epoch(now += 50);  // What is between two epochs is no batch's.
    for (int i = 0; i < 9; ++i) EXPECT_FALSE(limit.after_batch(now += 3));
    EXPECT_TRUE(limit.after_batch(now += 3));
    EXPECT_DOUBLE_EQ(limit.seconds_per_batch(), 2.5);
  }
}

TEST(TimeLimit, WaitsForAFiftiethOfTheTimeAndNoLongerThanATenth) {
  TimeLimit fast(100);
  fast.begin_epoch(0);
  double now = 0;
  int batches = 1;
  while (!fast.after_batch(now += 1)) ++batches;
  EXPECT_EQ(batches, 120);

  TimeLimit slow(100);
  slow.begin_epoch(0);
  now = 0;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(slow.after_batch(now += 190));
  EXPECT_TRUE(slow.after_batch(now += 190));
}

/// Of a run whose batches take two seconds, at 12 of its minutes' seconds.
int64_t batches_in(double minutes, int64_t done, int64_t per_epoch,
                   double evaluation) {
  TimeLimit limit(minutes);
  limit.begin_epoch(0);
  for (int i = 1; i <= 4; ++i) limit.after_batch(2 * i);
  return limit.fitting(done, per_epoch, evaluation, 12);
}

TEST(TimeLimit, FillsTheTimeWithBatchesAndAnEvaluationAnEpoch) {
  // 108 seconds: 54 batches.
  EXPECT_EQ(batches_in(2, 4, 1000, 0), 4 + 54);
  EXPECT_EQ(batches_in(2, 4, 1000, 9), 4 + 49);  // 98 and 9.
  // Epochs of ten: six batches and 5 seconds, three times 25, then 16: 5 of
  // them for the last evaluation.
  EXPECT_EQ(batches_in(2, 4, 10, 5), 10 + 30 + 5);
  // An epoch has just ended: its evaluation is still to come.
  EXPECT_EQ(batches_in(2, 10, 10, 5), 10 + 40 + 0);
  EXPECT_EQ(batches_in(2, 10, 10, 4.5), 10 + 40 + 0);
  EXPECT_EQ(batches_in(2, 10, 10, 3), 10 + 40 + 5);
  // There is no time left.
  EXPECT_EQ(batches_in(0.1, 4, 10, 5), 4);
  EXPECT_EQ(batches_in(0.1, 10, 10, 5), 10);
}

TEST(TimeLimit, OfAClockThatStandsStillIsANumberToo) {
  TimeLimit limit(1e6);
  limit.begin_epoch(1);
  for (int i = 0; i < 10; ++i) limit.after_batch(1);
  EXPECT_GT(limit.fitting(10, 7, 0, 1), 1'000'000);
}

NamedTensors state_of(double minutes, double batches) {
  return {{"", torch::tensor({minutes, batches}, torch::kDouble)}};
}

TEST(TimeLimit, GoesOnWithItsNumberOrInProportion) {
  TimeLimit first(4);
  EXPECT_TRUE(first.section().save().empty());
  first.fix(90);
  EXPECT_FALSE(first.is_measuring());
  const auto saved = first.section().save();
  for (const auto& [minutes, batches] :
       std::vector<std::pair<double, int64_t>>{{4, 90}, {8, 180}, {1e-9, 1}}) {
    TimeLimit second(minutes);
    second.section().load(saved);
    EXPECT_EQ(second.batches(), batches) << minutes;
  }
  TimeLimit none(0);
  none.section().load(saved);
  EXPECT_FALSE(none.batches());
  EXPECT_FALSE(none.is_measuring());
  EXPECT_TRUE(none.section().save().empty());
}

TEST(TimeLimit, RefusesAStateThatIsNone) {
  TimeLimit limit(4);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& state :
       {state_of(0, 5), state_of(-1, 5), state_of(4, 0), state_of(4, nan),
        state_of(nan, 5), state_of(4, 1e300),
        NamedTensors{{"", torch::zeros({3}, torch::kDouble)}},
        NamedTensors{{"", torch::ones({2})}}}) {
    EXPECT_THROW(limit.section().load(state), std::runtime_error);
  }
}

/// Of seven batches an epoch, and a schedule that ends at 0.
Settings minutes(double max_minutes, int64_t epochs = 100) {
  auto s = small_run();
  s.train.max_minutes = max_minutes;
  s.train.epochs = epochs;
  s.train.schedule.name = ScheduleKind::kPoly;
  return s;
}

TrainerHooks by(std::function<double()> clock, TrainerHooks hooks = {}) {
  hooks.seconds = std::move(clock);
  return hooks;
}

int64_t steps_in(const std::filesystem::path& run) {
  return load_checkpoint(run / "last.skz").position.step;
}

// A second is a look at the clock, one of which begins the epoch: after six
// batches a tenth of the minute is over, a second each. Two of three batches of
// an evaluation take one, all of them 1.5. At the eleventh look 50 seconds are
// left: the epoch's last batch (2.5), five epochs (8.5 each) and 3 batches with
// the evaluation after them.
constexpr int64_t kInAMinute = 7 + 5 * 7 + 3;

TEST(MaxMinutes, EndsARunAndItsScheduleWhereTheTimeDoes) {
  TemporaryFolder folder;
  const auto summary = run(minutes(1), folder / "run", by(ticking_clock()));
  EXPECT_FALSE(summary.stopped);
  EXPECT_EQ(steps_in(folder / "run"), kInAMinute);
  const auto rows = read_csv(folder / "run/summary.csv");
  ASSERT_EQ(rows.size(), 7u);
  EXPECT_EQ(summary.last.images, 40);
  // The last step but none: (1 - 44 / 45) of the rate.
  EXPECT_NEAR(rows.back().lr, 0.05 / kInAMinute, 1e-12);
  // It is over for a run that goes on.
  EXPECT_EQ(run(minutes(1), folder / "run", by(ticking_clock())).last.images,
            0);
}

TEST(MaxMinutes, ARunGoesOnByTheNumberWhateverTheClockSays) {
  TemporaryFolder folder;
  run(minutes(1), folder / "whole", by(ticking_clock()));
  for (const int steps : {6, 9, 43}) {
    const auto parts = folder / std::to_string(steps);
    run(minutes(1), parts, by(ticking_clock(), stop_after(steps)));
    run(minutes(1), parts, by(ticking_clock(1e6)));
    expect_same_run(folder / "whole", parts);
  }
}

TEST(MaxMinutes, CanBeChangedOnTheWay) {
  TemporaryFolder folder;
  run(minutes(1), folder / "run", by(ticking_clock()));
  run(minutes(2), folder / "run", by(ticking_clock(1e6)));
  // 90 batches are twelve epochs and six batches.
  const auto rows = read_csv(folder / "run/summary.csv");
  EXPECT_EQ(rows.size(), 13u);
  EXPECT_NEAR(rows.back().lr, 0.05 / 90, 1e-12);
  run(minutes(0, 15), folder / "run");
  EXPECT_EQ(read_csv(folder / "run/summary.csv").size(), 15u);
  EXPECT_FALSE(
      load_checkpoint(folder / "run/last.skz").sections.contains("time_limit"));
}

TEST(MaxMinutes, ChangesNothingOfARunThatHasTheTime) {
  TemporaryFolder folder;
  run(minutes(0, 4), folder / "plain");
  run(minutes(10, 4), folder / "run", by(ticking_clock()));
  const auto plain = load_checkpoint(folder / "plain/last.skz");
  const auto last = load_checkpoint(folder / "run/last.skz");
  EXPECT_TRUE(last.sections.contains("time_limit"));
  ASSERT_EQ(last.weights.size(), plain.weights.size());
  for (size_t i = 0; i < plain.weights.size(); ++i) {
    EXPECT_TRUE(torch::equal(plain.weights[i].second, last.weights[i].second));
  }
  EXPECT_EQ(read_csv(folder / "plain/summary.csv").back().val_loss,
            read_csv(folder / "run/summary.csv").back().val_loss);
}

// As many batches as there are anyway, and a rest of a group of four that is
// no whole one.
TEST(MaxMinutes, EndsWithAStepOfTheBatchesThatAreLeft) {
  TemporaryFolder folder;
  const auto optimizer_steps = [&](const std::string& name) {
    const auto checkpoint = load_checkpoint(folder / (name + "/last.skz"));
    EXPECT_FALSE(checkpoint.sections.contains("accumulation"));
    for (const auto& [key, tensor] : checkpoint.sections.at("optimizer")) {
      if (key.starts_with("step.")) return tensor.item<double>();
    }
    return 0.0;
  };
  auto s = minutes(1);
  s.train.optimizer.name = OptimizerKind::kAdamW;
  s.train.optimizer.lr = 1e-3;
  s.train.grad_accum_steps = 4;
  run(s, folder / "minute", by(ticking_clock()));
  EXPECT_EQ(optimizer_steps("minute"), 6 * 2 + 1);
  // The time is over at the first batch that is timed, the fourth.
  s.train.max_minutes = 1e-6;
  s.train.grad_accum_steps = 3;
  run(s, folder / "moment", by(ticking_clock()));
  EXPECT_EQ(steps_in(folder / "moment"), 4);
  EXPECT_EQ(optimizer_steps("moment"), 2);
  EXPECT_EQ(read_csv(folder / "moment/summary.csv").size(), 1u);
}

// Evaluated by the average as well: twice 1.5 seconds. 2 and 1 + 3 for the
// first epoch, four of 10, and 3 batches of the 6 seconds left.
TEST(MaxMinutes, CountsTheEvaluationOfAnAverageToo) {
  TemporaryFolder folder;
  auto s = minutes(1);
  s.train.ema.decay = 0.9;
  run(s, folder / "run", by(ticking_clock()));
  EXPECT_EQ(steps_in(folder / "run"), 7 + 4 * 7 + 3);
}

}  // namespace
}  // namespace skipzoo
