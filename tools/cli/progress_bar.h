#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "tools/train/trainer.h"

namespace skipzoo {

/// What a bar says.
struct BarWords {
  std::string before;  ///< The bar.
  double share = 0;    ///< Of the work that is done, 0 to 1.
  std::string behind;
  double eta = -1;  ///< Seconds to the end; below 0: unknown.
};

/// One line at the bottom of a terminal: what is done, its share, images/s,
/// time left. Log lines go above it. Where stderr is no terminal, nothing is
/// drawn.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(const StepReport& report);
  /// So many of all images of some work are done.
  void update(const std::string& work, int64_t images, int64_t all);
  /// So many of all bytes have come; 0 of all: nobody knows.
  void update_bytes(const std::string& file, int64_t done, int64_t all);

 private:
  using Clock = std::chrono::steady_clock;

  /// A second's share of what was done since the first call; 0: not known yet.
  double rate_of(int64_t done);
  void draw(BarWords words);

  bool active_;
  bool colour_;
  std::mutex mutex_;  ///< Any thread may log, and a log line redraws the bar.
  std::string line_;
  Clock::time_point drawn_;
  Clock::time_point start_;
  int64_t start_done_ = -1;
  double start_share_ = -1;  ///< Below 0: nothing was reported yet.
};

/// The text of a bar, without colour, in a terminal of that width.
std::string bar_text(const BarWords& words, int columns);

}  // namespace skipzoo
