#pragma once

#include <cstdint>

#include "tools/train/options.h"
#include "tools/train/state_section.h"

namespace skipzoo {

/// The rate of schedule plateau, which falls where epochs get no better: as
/// torch.optim.lr_scheduler.ReduceLROnPlateau with threshold_mode "rel". Of
/// another schedule the rate stays.
class Plateau {
 public:
  Plateau(const ScheduleOptions& options, EvalMetric metric, double lr);
  Plateau(const Plateau&) = delete;  // Its section holds on to it.
  Plateau& operator=(const Plateau&) = delete;

  double lr() const { return lr_ * scale_; }
  /// epoch: those done. Epochs of the warm-up do not count.
  void after_epoch(int64_t epoch, double value);

  /// Empty of another schedule.
  StateSection section();

 private:
  bool is_better(double value) const;

  ScheduleOptions options_;
  EvalMetric metric_;
  double lr_;
  double scale_ = 1;  ///< A run may go on with another lr.
  double best_;
  int64_t bad_epochs_ = 0;
};

}  // namespace skipzoo
