#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tools/report/history.h"
#include "tools/study/layer_rows.h"

namespace skipzoo {

/// What a cell of a study came to. Accuracies in percent.
struct CellResult {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  std::string skip;
  int64_t depth = 0;
  int64_t seed = 0;
  int64_t parameters = 0;
  int64_t epochs = 0;
  double train_loss = kNone;  ///< The last epoch's mean, while it was trained.
  double fit_loss = kNone;    ///< Afterwards, of the training pictures as the
  double fit_top1 = kNone;    ///< test's are seen: without augmentation.
  double test_loss = kNone;   ///< Of what the run was validated on.
  double test_top1 = kNone;
  double seconds_per_epoch = kNone;  ///< Median; training and validation.
  /// The first epoch whose mean training loss is half of that of guessing, ln
  /// classes; one more than there were where none is.
  double half_loss_epoch = kNone;
  double gradient_ratio_at_start = kNone;     ///< gradient_ratio() of epoch 0.
  double gradient_ratio_in_training = kNone;  ///< Geometric mean after that.
  std::string failure = {};  ///< In words, of a training that broke off.

  double gap() const { return fit_top1 - test_top1; }
  /// "dense-56-1", as StudyCell::name().
  std::string name() const {
    return skip + "-" + std::to_string(depth) + "-" + std::to_string(seed);
  }
};

/// Fills in what a run's rows and layers tell. guessing: the loss of a network
/// that knows nothing.
void note_history(CellResult& result, const std::vector<EpochRow>& rows,
                  const std::vector<LayerRow>& layers, double guessing);

/// result.json: the last file of a cell, so that one which has it is done.
/// Throws FileError.
void write_result(const std::filesystem::path& file, const CellResult& result);
/// Nothing where there is none. Throws FileError where it is no such file.
std::optional<CellResult> read_result(const std::filesystem::path& file);

/// study.csv: a line a cell.
std::string study_csv(const std::vector<CellResult>& results);

}  // namespace skipzoo
