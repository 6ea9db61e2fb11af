#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace skipzoo {

/// What is told of a step: by a progress bar after each, by the log now and
/// then.
struct StepReport {
  int64_t epoch = 0;  ///< Counted from 1.
  int64_t epochs = 0;
  int64_t batch = 0;  ///< Done in this epoch.
  int64_t batches = 0;
  double images_per_s = 0;
  double loss = 0;  ///< Mean over the epoch, as last read from the device.
  double top1 = 0;
};

/// Seconds from its making on.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// What an epoch's training took, in seconds.
struct EpochTimes {
  double training = 0;  ///< In all, validation aside.
  /// Of that, how long its steps waited for pictures: on a GPU, how long it
  /// had nothing to compute meanwhile (Prefetch::waited()).
  double waiting = 0;

  /// What share of it that is, in percent.
  double waiting_share() const {
    return training > 0 ? 100 * waiting / training : 0;
  }
};

/// What follows in the log's line of an epoch: "  Data: 0.30 s (2.5 %)" and,
/// with another size of pictures than in the epoch before, "  Size: 160"; 0
/// where it is the same.
std::string epoch_remark(const EpochTimes& times, int64_t new_size);

/// A line of the log. batch_loss: of this batch alone; data_seconds: how long
/// the step waited for its pictures.
void log_step(const StepReport& report, double batch_loss, double lr,
              double data_seconds);

}  // namespace skipzoo
