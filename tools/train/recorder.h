#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "tools/train/checkpoint.h"
#include "tools/train/metrics.h"
#include "tools/train/options.h"
#include "tools/train/run_folder.h"

namespace skipzoo {

/// What a run writes into its folder: rows, report and checkpoints, and which
/// epoch is the best of those.
class Recorder {
 public:
  /// The checkpoint that --resume goes on from now holds this place.
  using OnSave =
      std::function<void(const std::filesystem::path&, const Position&)>;

  /// parameters: how many the network has, for the report.
  Recorder(RunFolder folder, Identity identity, EvalMetric eval_metric,
           int64_t parameters, OnSave on_save);

  /// Goes on from a checkpoint, `path`, and the best that it knows, and cuts
  /// off what the folder says of later epochs: a best.skz of one of these is
  /// called so no longer. now: that state, as this run would save it. Throws
  /// FileError.
  void go_on_from(const std::filesystem::path& path, const Checkpoint& now);
  /// Writes the end of the epoch `row`. now: the state after it.
  void finish_epoch(const EpochRow& row, const Evaluation& validation,
                    const Checkpoint& now);
  /// Writes last.skz. Whose the run is, and its best, are filled in here.
  void save(const Checkpoint& now) const { save_as(folder_.last(), now); }

  std::filesystem::path last() const { return folder_.last(); }
  const Best& best() const { return best_; }

 private:
  /// Whether this is the best epoch so far; if so, it is noted as that.
  bool note_if_best(int64_t epoch, const Evaluation& validation);
  /// best.skz is the best so far, or there is none and the best is sought anew.
  void settle_best(const Checkpoint& now);
  void write_report(int64_t epoch, const Evaluation& validation) const;
  void save_as(const std::filesystem::path& path, Checkpoint now) const;

  RunFolder folder_;
  Identity identity_;
  EvalMetric eval_metric_;
  int64_t parameters_;
  OnSave on_save_;
  Best best_;
  Confusion best_confusion_;  ///< Of that epoch; may be unknown.
};

}  // namespace skipzoo
