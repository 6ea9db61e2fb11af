#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "tools/train/trainer.h"

namespace skipzoo {

/// One line at the bottom of a terminal: epoch, share done, images/s, time
/// left. Log lines go above it. Where stderr is no terminal, nothing is drawn.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(const StepReport& report);

 private:
  using Clock = std::chrono::steady_clock;

  bool active_;
  bool colour_;
  std::mutex mutex_;  ///< Any thread may log, and a log line redraws the bar.
  std::string line_;
  Clock::time_point drawn_;
  Clock::time_point start_;
  double start_share_ = -1;
};

/// The text of the bar, without colour: `eta` in seconds, below 0 for unknown.
std::string bar_text(const StepReport& report, double eta, int columns);

}  // namespace skipzoo
