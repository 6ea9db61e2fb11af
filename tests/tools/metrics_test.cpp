#include "tools/train/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tools/train/evaluate.h"
#include "tools/train/intervals.h"
#include "tools/train/per_class.h"

namespace skipzoo {
namespace {

// Of three classes; the third has no image, but one is taken for it.
// scikit-learn's balanced_accuracy_score and f1_score(average="macro") of the
// same images are 0.541667 and 0.367521.
const Confusion kConfusion = {{5, 1, 0}, {2, 1, 1}, {0, 0, 0}};

TEST(Metrics, BalancedAccuracyIsTheMeanRecallOfClassesWithImages) {
  EXPECT_NEAR(balanced_accuracy(kConfusion), 100 * (5. / 6 + 1. / 4) / 2,
              1e-12);
  EXPECT_NEAR(balanced_accuracy(kConfusion), 54.1667, 1e-4);
  EXPECT_EQ(balanced_accuracy({{0, 0}, {0, 0}}), 0);
}

TEST(Metrics, MacroF1IsOverClassesThatAreThereOrPredicted) {
  EXPECT_NEAR(macro_f1(kConfusion), 100 * (10. / 13 + 2. / 6 + 0) / 3, 1e-12);
  EXPECT_NEAR(macro_f1(kConfusion), 36.7521, 1e-4);
  // One that is neither does not count.
  EXPECT_NEAR(macro_f1({{3, 0, 0}, {0, 2, 0}, {0, 0, 0}}), 100, 1e-12);
}

TEST(Metrics, EachClassHasItsRecallOrNone) {
  const auto recalls = recall_per_class({{8, 2, 0}, {1, 3, 0}, {0, 0, 0}});
  ASSERT_EQ(recalls.size(), 3u);
  EXPECT_DOUBLE_EQ(recalls[0], 80);
  EXPECT_DOUBLE_EQ(recalls[1], 75);
  EXPECT_TRUE(std::isnan(recalls[2]));
  EXPECT_TRUE(recall_per_class({}).empty());
}

TEST(Metrics, EachLabelHasItsAveragePrecisionOrNone) {
  Evaluation found{.map = 62.5};
  found.labels = {{.average_precision = 0.625, .images = 4}, {.images = 0}};
  const auto precisions = average_precision_per_class(found);
  ASSERT_EQ(precisions.size(), 2u);
  EXPECT_DOUBLE_EQ(precisions[0], 62.5);
  EXPECT_TRUE(std::isnan(precisions[1]));
  // A probability was no number, so these are none.
  found.map = std::nan("");
  EXPECT_TRUE(average_precision_per_class(found).empty());
  EXPECT_TRUE(average_precision_per_class({}).empty());
}

TEST(Metrics, DecideWhichEpochIsTheBest) {
  const Evaluation found{.loss = 0.5, .top1 = 60, .confusion = kConfusion};
  EXPECT_EQ(value_of(EvalMetric::kTop1, found), 60);
  EXPECT_EQ(value_of(EvalMetric::kLoss, found), 0.5);
  EXPECT_EQ(value_of(EvalMetric::kBalancedAccuracy, found),
            balanced_accuracy(kConfusion));
  EXPECT_EQ(value_of(EvalMetric::kMacroF1, found), macro_f1(kConfusion));
  EXPECT_TRUE(is_better(EvalMetric::kLoss, 0.1, 0.2));
  EXPECT_TRUE(is_better(EvalMetric::kMacroF1, 0.2, 0.1));
}

// scipy.stats.binomtest(right, images).proportion_ci(method="wilson").
TEST(Intervals, OfASharePerWilson) {
  const auto near = [](const Interval& found, double low, double high) {
    EXPECT_NEAR(found.low, low, 5e-5);
    EXPECT_NEAR(found.high, high, 5e-5);
  };
  near(wilson_interval(8, 10), 49.01625, 94.33178);
  near(wilson_interval(0, 20), 0, 16.11252);
  near(wilson_interval(20, 20), 83.88748, 100);
  EXPECT_EQ(wilson_interval(41, 41).high, 100);
  EXPECT_EQ(wilson_interval(0, 41).low, 0);
  near(wilson_interval(9320, 10000), 92.68982, 93.67701);
  near(wilson_interval(0, 0), 0, 100);
}

// Of a share the bootstrap has a normal distribution's width.
TEST(Intervals, OfAnyFigureByBootstrap) {
  const Confusion even = {{400, 100}, {100, 400}};
  const auto found = bootstrap_interval(even, balanced_accuracy);
  const double half = 100 * 1.96 * std::sqrt(0.8 * 0.2 / 1000);
  EXPECT_NEAR(found.low, 80 - half, 0.25);
  EXPECT_NEAR(found.high, 80 + half, 0.25);
  const auto again = bootstrap_interval(even, balanced_accuracy);
  EXPECT_EQ(found.low, again.low);
  EXPECT_EQ(found.high, again.high);
  // One mistaken picture of a class is in every sample.
  const auto rare = bootstrap_interval({{95, 5}, {1, 0}}, balanced_accuracy);
  EXPECT_LT(rare.low, 47.5);
  EXPECT_GT(rare.high, 47.5);
  EXPECT_LT(rare.high, 50);
  const auto certain = bootstrap_interval({{9, 0}, {0, 3}}, macro_f1);
  EXPECT_EQ(certain.low, 100);
  EXPECT_EQ(certain.high, 100);
}

// numpy's mean and std(ddof=1), scipy.stats.t.interval.
TEST(Intervals, OfAMeanAreStudents) {
  const auto five = mean_of({91, 93.5, 90, 92, 94.25});
  EXPECT_NEAR(five.mean, 92.15, 1e-12);
  EXPECT_NEAR(five.deviation, 1.746425, 1e-6);
  EXPECT_NEAR(five.interval.low, 89.981537, 1e-4);
  EXPECT_NEAR(five.interval.high, 94.318463, 1e-4);
  std::vector<double> many(41);
  for (size_t i = 0; i < many.size(); ++i) many[i] = static_cast<double>(i);
  const auto found = mean_of(many);  // Of 20, t = 2.0210754.
  EXPECT_NEAR(found.interval.high - 20,
              2.0210754 * found.deviation / std::sqrt(41.), 1e-3);
  EXPECT_EQ(mean_of({5}).deviation, 0);
  EXPECT_EQ(mean_of({5}).interval.high,
            std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace skipzoo
