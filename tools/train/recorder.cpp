#include "tools/train/recorder.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "tools/train/evaluate.h"
#include "tools/train/report_figures.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// The best of these epochs, the earlier of equal ones first. One that is not
/// finite is the last.
std::vector<int64_t> best_epochs(const std::vector<EpochRow>& rows,
                                 EvalMetric metric, int64_t most) {
  std::vector<std::pair<double, int64_t>> ranks;
  for (const auto& row : rows) {
    // Of runs of before, by the columns that they had.
    const bool by_loss = metric == EvalMetric::kLoss;
    const double sign = by_loss ? 1 : -1;
    double least = std::numeric_limits<double>::infinity();
    for (const double value :
         {row.eval_metric, by_loss ? row.val_loss : row.val_top1,
          by_loss ? row.val_loss_ema : row.val_top1_ema}) {
      if (std::isfinite(value)) least = std::min(least, sign * value);
      if (std::isfinite(row.eval_metric)) break;
    }
    ranks.emplace_back(least, row.epoch);
  }
  std::ranges::sort(ranks);
  std::vector<int64_t> epochs;
  for (const auto& rank : ranks) {
    if (std::ssize(epochs) < most) epochs.push_back(rank.second);
  }
  return epochs;
}

/// That of eval_metric where the line of an epoch has another.
std::string figure_that_decides(EvalMetric metric, const EpochRow& row) {
  const bool has_it =
      metric == EvalMetric::kTop1 || metric == EvalMetric::kLoss ||
      (metric == EvalMetric::kMap && row.eval_metric == row.val_map);
  if (has_it) return "";
  char text[64];
  std::snprintf(text, sizeof(text), "  %s: %.2f",
                std::string(name_of(metric)).c_str(), row.eval_metric);
  return text;
}

}  // namespace

Recorder::Recorder(RunFolder folder, ModelMetadata metadata,
                   EvalMetric eval_metric, int64_t parameters, OnSave on_save,
                   bool writes, int64_t history, RunAbout about)
    : folder_(std::move(folder)),
      metadata_(std::move(metadata)),
      eval_metric_(eval_metric),
      parameters_(parameters),
      on_save_(std::move(on_save)),
      writes_(writes),
      history_(history),
      about_(std::move(about)) {}

StateSection Recorder::section() {
  return {.name = "best_confusion",
          .save =
              [this] {
                return best_confusion_.empty()
                           ? NamedTensors{}
                           : NamedTensors{{"", packed(best_confusion_)}};
              },
          .load =
              [this](const NamedTensors& saved) {
                best_confusion_ = unpacked(saved.front().second,
                                           std::ssize(metadata_.classes));
              },
          .is_optional = true};
}

StateSection Recorder::scores_section() {
  return {.name = "best_labels",
          .save =
              [this] {
                return best_labels_.empty()
                           ? NamedTensors{}
                           : NamedTensors{{"", packed(best_labels_)}};
              },
          .load =
              [this](const NamedTensors& saved) {
                best_labels_ = unpacked_scores(saved.front().second,
                                               std::ssize(metadata_.classes));
              },
          .is_optional = true};
}

void Recorder::go_on_from(const fs::path& path, const Best& best,
                          const TrainingState& state) {
  best_ = best;
  if (!writes_) return;
  // Until here nothing is changed. From an older checkpoint, a run that is
  // killed at once is to go on from there too.
  folder_.lock();
  settle_best(state);
  // No checkpoint has pictures, and a report that is there has these.
  best_mistakes_ = folder_.mistakes_in_report(best_.epoch);
  if (!fs::exists(folder_.last()) || !fs::equivalent(path, folder_.last()) ||
      best_.epoch != best.epoch) {
    save(state);
  } else if (on_save_) {
    on_save_(path, state.position);
  }
  folder_.cut_back(state.position.epoch);
}

void Recorder::settle_best(const TrainingState& state) {
  const auto is_at = read_position(folder_.best());
  if (is_at && is_at->epoch == best_.epoch) return;
  const auto aside = folder_.set_best_aside();
  if (!aside.empty()) {
    spdlog::warn("{} {}: it is {} now", folder_.best().string(),
                 is_at ? "is of an epoch that is cut off" : "cannot be read",
                 aside.string());
  }
  if (best_.epoch == 0) return;
  if (state.position.epoch == best_.epoch && state.position.batch == 0) {
    // It is the best itself.
    return save_as(folder_.best(), state, best_.by_average);
  }
  spdlog::warn(
      "{} of the best epoch so far, {}, is there no longer: the best is sought "
      "from here on",
      folder_.best().filename().string(), best_.epoch);
  best_ = {};
  best_confusion_.clear();
  best_labels_.clear();
}

bool Validation::by_average(EvalMetric metric) const {
  if (!averaged) return false;
  const double trained = value_of(metric, own);
  const double average = value_of(metric, *averaged);
  if (!std::isfinite(trained) || !std::isfinite(average)) {
    return std::isfinite(average);
  }
  return is_better(metric, average, trained);
}

bool Recorder::is_best(const Validation& validation) const {
  const double value = value_of(eval_metric_, validation.better(eval_metric_));
  // Before its statistics settle, a deep network may overflow in evaluation.
  return std::isfinite(value) &&
         (best_.epoch == 0 || is_better(eval_metric_, value, best_.value));
}

bool Recorder::note_if_best(int64_t epoch, const Validation& found) {
  if (!is_best(found)) return false;
  const auto& validation = found.better(eval_metric_);
  best_ = {.epoch = epoch,
           .value = value_of(eval_metric_, validation),
           .by_average = found.by_average(eval_metric_)};
  best_confusion_ = validation.confusion;
  best_labels_ = validation.labels;
  best_mistakes_ = mistakes_html(found.mistakes, epoch);
  return true;
}

void Recorder::finish_epoch(const EpochRow& row, const Validation& validation,
                            const TrainingState& state,
                            const std::string& remark) {
  const bool improved = note_if_best(row.epoch, validation);
  if (!writes_) return;
  const bool by_average = validation.by_average(eval_metric_);
  note_thresholds(validation.better(eval_metric_));
  spdlog::info("{}{}{}{}", log_line(row),
               figure_that_decides(eval_metric_, row), remark,
               !improved    ? ""
               : by_average ? "  * (EMA)"
                            : "  *");
  folder_.append(row);
  write_report(row.epoch, validation.better(eval_metric_));
  // The best first: a crash between the two repeats the epoch, and writes it
  // again.
  if (improved) save_as(folder_.best(), state, by_average);
  if (history_ > 0) keep_history(row.epoch, state, by_average);
  note_thresholds(validation.averaged ? *validation.averaged : validation.own);
  save(state);
}

void Recorder::note_thresholds(const Evaluation& validation) {
  if (metadata_.thresholds.empty() || validation.labels.empty()) return;
  metadata_.thresholds = thresholds_of(validation.labels);
}

void Recorder::keep_history(int64_t epoch, const TrainingState& state,
                            bool by_average) const {
  const auto kept = best_epochs(folder_.rows(), eval_metric_, history_);
  if (std::ranges::count(kept, epoch) > 0) {
    save_as(folder_.checkpoint_of(epoch), state, by_average);
  }
  folder_.keep_checkpoints_of(kept);
}

void Recorder::write_report(int64_t epoch, const Evaluation& validation) {
  const bool knows_best = !best_confusion_.empty() || !best_labels_.empty();
  const auto& confusion = knows_best ? best_confusion_ : validation.confusion;
  const int64_t shown = knows_best ? best_.epoch : epoch;
  // Of many pictures, the intervals take a moment.
  if (figures_epoch_ != shown && !confusion.empty()) {
    figures_ = report_figures(confusion);
  }
  figures_epoch_ = shown;
  folder_.write_report(
      {.title = folder_.path().filename().string(),
       .network = std::to_string(parameters_) + " parameters",
       .rows = {},
       .classes = metadata_.classes,
       .confusion = confusion,
       .labels = validation.has_several_labels()
                     ? knows_best ? best_labels_ : validation.labels
                     : std::vector<LabelScores>(),
       .confusion_epoch = shown,
       .figures = figures_,
       .best_epoch = best_.epoch,
       .config_yaml = metadata_.config,
       .mistakes = best_mistakes_,
       .about = about_});
}

void Recorder::save_as(const fs::path& path, const TrainingState& state,
                       bool by_average) const {
  if (!writes_) return;
  Checkpoint now = state.save(by_average);
  now.metadata = metadata_;
  now.best = best_;
  save_checkpoint(path, now);
  // A run's first best.skz stands alone for a moment.
  if (on_save_ && path == folder_.checkpoint()) on_save_(path, now.position);
}

}  // namespace skipzoo
