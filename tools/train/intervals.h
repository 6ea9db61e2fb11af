#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tools/train/metrics.h"

namespace skipzoo {

/// Where a figure lies that would be found on other pictures like these, with a
/// confidence of 95 %.
struct Interval {
  double low = 0;
  double high = 0;
};

/// Of a share of `images`, in percent, by Wilson's score interval (1927):
/// sensible for few images, and for 0 and 100 % too. 0 to 100 of no images.
Interval wilson_interval(int64_t right, int64_t images);

/// Of any figure of a confusion matrix, by the percentile bootstrap (Efron
/// 1979), stratified: of 1,000 samples, fewer where there are very many images,
/// that have as many images of each class, drawn from these with replacement.
/// So a class of few is in every sample. The same for the same matrix. It knows
/// mistakes that were made alone: where there are none, it has no width.
Interval bootstrap_interval(
    const Confusion& confusion,
    const std::function<double(const Confusion&)>& figure);
/// The same of several figures, of the same samples.
std::vector<Interval> bootstrap_intervals(
    const Confusion& confusion,
    const std::vector<std::function<double(const Confusion&)>>& figures);

/// The mean of some values, as of the folds of a cross-validation.
struct MeanOfValues {
  double mean = 0;
  double deviation = 0;  ///< Standard deviation of a sample; 0 of one value.
  /// Of the mean, with a confidence of 95 %, by Student's t distribution: of
  /// values that do not depend on each other. Folds share most of their
  /// training pictures, so theirs is rather too narrow (Bengio & Grandvalet
  /// 2004, "No Unbiased Estimator of the Variance of K-Fold Cross-Validation").
  Interval interval;
};
MeanOfValues mean_of(const std::vector<double>& values);

/// A figure in percent.
struct Figure {
  double value = 0;
  Interval interval = {};
};
/// What a confusion matrix comes to.
struct Figures {
  Figure top1;               ///< By wilson_interval().
  Figure balanced_accuracy;  ///< By bootstrap_interval(), as macro_f1.
  Figure macro_f1;
};
Figures figures_of(const Confusion& confusion);

/// The same of several labels a picture, drawn with what the network says of
/// them, where a picture's stratum is its rarest label: of mean average
/// precision and, at the thresholds of `labels`, macro F1. Both percent.
struct LabelIntervals {
  Interval map;
  Interval macro_f1;
};
LabelIntervals label_intervals(const Evaluation& evaluation);

}  // namespace skipzoo
