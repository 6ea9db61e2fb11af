#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tools/report/lr_report.h"

namespace skipzoo {

/// Where a sweep over learning rates goes: the defaults of Lightning's
/// Tuner.lr_find().
struct LrSweepOptions {
  double min_lr = 1e-8;  ///< Above 0.
  double max_lr = 1;     ///< Above min_lr.
  int64_t steps = 100;   ///< num_training, there.
};

/// A sweep (Smith 2017, arXiv:1506.01186, section 3.3) with the rates and the
/// rule of stopping of Lightning's lr_find: rates rise exponentially, and it
/// ends early where the smoothed loss is above four times its least.
///
/// The smoothed loss is the mean so far by weights that fall by 0.98 a step:
/// corrected for its start by the number of losses, as Kingma & Ba 2015
/// (arXiv:1412.6980, section 3). Lightning's exponent is one more, which halves
/// the first and so also the bound.
class LrSweep {
 public:
  explicit LrSweep(const LrSweepOptions& options) : options_(options) {}

  /// Of the step to come.
  double lr() const;
  /// The loss of that step. One that is not finite ends the sweep, and is not
  /// recorded.
  void add(double loss);
  bool is_over() const;
  /// Whether it ended before its last rate.
  bool diverged() const { return diverged_; }
  const std::vector<LrPoint>& points() const { return points_; }

 private:
  LrSweepOptions options_;
  std::vector<LrPoint> points_;
  double sum_ = 0;
  double best_ = 0;  ///< The least smoothed loss.
  bool diverged_ = false;
};

/// Half way into the longest valley, that is the longest subsequence of
/// losses that falls from each to the next, as fastai's valley() counts it.
/// Nothing where no loss is below an earlier one.
std::optional<size_t> valley(std::span<const double> losses);

/// That of a sweep, which of its points: the smoothed losses without the first
/// tenth of `steps` and the last five, as in fastai's lr_find().
std::optional<size_t> suggestion(const std::vector<LrPoint>& points,
                                 int64_t steps);

}  // namespace skipzoo
