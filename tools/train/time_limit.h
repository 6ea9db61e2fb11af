#pragma once

#include <cstdint>
#include <optional>

#include "tools/train/state_section.h"

namespace skipzoo {

/// Where a run with train.max_minutes ends: after so many batches, which the
/// clock decides once, early in the run. From there on nothing asks a clock,
/// and a run that goes on does so by the number in its checkpoint: it ends as
/// one that was never stopped.
///
/// What is counted: the first three batches of a process, which are slow, are
/// not timed, nor are more where they are. Then each is, pictures waited for
/// included, until there are twenty and a fiftieth of the time is over; or a
/// tenth of the time and one batch. Of the time left then, each batch to come
/// takes the mean of those, and each epoch, the shorter last one too, an
/// evaluation, whose time the caller measures on a few batches. Checkpoints are
/// not counted.
///
/// Seconds are by a clock of any origin.
class TimeLimit {
 public:
  /// minutes: 0: no limit. slow: the first batches of a process, which are
  /// slower than those to come.
  explicit TimeLimit(double minutes, int64_t slow = 0)
      : minutes_(minutes), slow_(slow) {}
  TimeLimit(const TimeLimit&) = delete;  // Its section holds on to it.
  TimeLimit& operator=(const TimeLimit&) = delete;

  /// Of the whole run; nothing where there is no limit, or not yet.
  std::optional<int64_t> batches() const;
  bool is_measuring() const { return minutes_ > 0 && batches_ == 0; }
  double seconds_per_batch() const;

  /// The first of a process begins its time.
  void begin_epoch(double now);
  /// A batch is done. Returns whether it is time to decide.
  bool after_batch(double now);
  /// How many batches a run can have that has done `done`, at least those:
  /// `per_epoch` an epoch, each with an evaluation of so many seconds.
  int64_t fitting(int64_t done, int64_t per_epoch, double evaluation,
                  double now) const;
  void fix(int64_t batches) { batches_ = batches; }
  /// A run that goes on in batches of another size has as many more of them.
  void scale(double factor);

  /// The number, and the minutes it is for: a run that goes on with others has
  /// as many more or fewer batches in proportion.
  StateSection section();

 private:
  double minutes_;
  int64_t slow_;
  int64_t batches_ = 0;  ///< 0: not decided.

  std::optional<double> start_;
  double mark_ = 0;     ///< Of the last batch's end, or the epoch's start.
  int64_t seen_ = 0;    ///< Batches of this process.
  int64_t timed_ = 0;   ///< Those of them that count.
  double seconds_ = 0;  ///< Which took so long.
};

}  // namespace skipzoo
