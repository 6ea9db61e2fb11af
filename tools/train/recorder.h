#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/report/html_report.h"
#include "tools/report/mistakes.h"
#include "tools/train/checkpoint.h"
#include "tools/train/metrics.h"
#include "tools/train/options.h"
#include "tools/train/run_folder.h"
#include "tools/train/state_section.h"
#include "tools/train/training_state.h"

namespace skipzoo {

/// What the end of an epoch finds.
struct Validation {
  Evaluation own;  ///< By the weights that training moves.
  std::optional<Evaluation> averaged = {};  ///< By their average.
  Mistakes mistakes = {};  ///< Of the better one, where shows() is true.

  /// Whether the average is the better of the two.
  bool by_average(EvalMetric metric) const;
  const Evaluation& better(EvalMetric metric) const {
    return by_average(metric) ? *averaged : own;
  }
};

/// What a run writes into its folder: rows, report and checkpoints, and which
/// epoch is the best of those.
class Recorder {
 public:
  /// The checkpoint that --resume goes on from now holds this place.
  using OnSave =
      std::function<void(const std::filesystem::path&, const Position&)>;

  /// parameters: how many the network has, for the report. writes: of several
  /// processes, whether this is the one that does; the others only know what is
  /// the best. history: how many of the best epochs keep a checkpoint of their
  /// own. about: for the report too.
  Recorder(RunFolder folder, ModelMetadata metadata, EvalMetric eval_metric,
           int64_t parameters, OnSave on_save, bool writes = true,
           int64_t history = 0, RunAbout about = {});

  Recorder(const Recorder&) = delete;  // Its section holds on to it.
  Recorder& operator=(const Recorder&) = delete;

  /// What it goes on from itself, beside Checkpoint::best.
  StateSection section();
  StateSection scores_section();

  /// ModelMetadata::thresholds of a run that goes on.
  void set_thresholds(std::vector<double> thresholds) {
    metadata_.thresholds = std::move(thresholds);
  }
  /// Goes on from the file `path`, whose state was loaded, and the best that it
  /// knows, and cuts off what the folder says of later epochs: a best.skz of
  /// one of these is called so no longer. Throws FileError.
  void go_on_from(const std::filesystem::path& path, const Best& best,
                  const TrainingState& state);
  /// Whether the report will show the mistakes of this validation: it is the
  /// best so far, and this process writes.
  bool shows(const Validation& validation) const {
    return writes_ && is_best(validation);
  }
  /// Writes the end of the epoch `row`. state: that after it. remark: what else
  /// the log says of it.
  void finish_epoch(const EpochRow& row, const Validation& validation,
                    const TrainingState& state, const std::string& remark = "");
  /// Writes last.skz.
  void save(const TrainingState& state) const {
    save_as(folder_.last(), state);
  }

  std::filesystem::path last() const { return folder_.last(); }
  const Best& best() const { return best_; }
  /// As another process of the run knows it.
  void set_best(const Best& best) { best_ = best; }

 private:
  bool is_best(const Validation& validation) const;
  /// Whether this is the best epoch so far; if so, it is noted as that.
  bool note_if_best(int64_t epoch, const Validation& validation);
  /// best.skz is the best so far, or there is none and the best is sought anew.
  void settle_best(const TrainingState& state);
  /// Takes them over for the checkpoint that is written next.
  void note_thresholds(const Evaluation& validation);
  /// Saves the epoch if it is of the best so far, and drops one it outdid.
  void keep_history(int64_t epoch, const TrainingState& state,
                    bool by_average) const;
  void write_report(int64_t epoch, const Evaluation& validation);
  void save_as(const std::filesystem::path& path, const TrainingState& state,
               bool by_average = true) const;

  RunFolder folder_;
  ModelMetadata metadata_;
  EvalMetric eval_metric_;
  int64_t parameters_;
  OnSave on_save_;
  bool writes_;
  int64_t history_;
  RunAbout about_;
  Best best_;
  Confusion best_confusion_;              ///< Of that epoch; may be unknown.
  std::vector<LabelScores> best_labels_;  ///< The same.
  std::string best_mistakes_;             ///< HTML, the same.
  /// Of the epoch that the report showed last.
  std::vector<ReportFigure> figures_;
  int64_t figures_epoch_ = 0;
};

}  // namespace skipzoo
