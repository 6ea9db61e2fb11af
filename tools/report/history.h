#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skipzoo {

/// What is told of an epoch. A new scalar is a member and a line in
/// epoch_scalars().
struct EpochRow {
  int64_t epoch = 0;
  double lr = 0;
  double train_loss = 0;
  double train_top1 = 0;  ///< Percent, as are the other accuracies.
  double val_loss = 0;
  double val_top1 = 0;
  double val_top5 = 0;
  double images_per_s = 0;
  double seconds = 0;
  /// By the moving average of the weights; nan where there is none.
  double val_loss_ema = std::numeric_limits<double>::quiet_NaN();
  double val_top1_ema = std::numeric_limits<double>::quiet_NaN();
  /// Of the seconds, those in which training waited for pictures; nan in runs
  /// of before.
  double data_time = std::numeric_limits<double>::quiet_NaN();
  /// Percent, by the weights that training moves; nan in runs of before, as is
  /// what train.eval_metric came to, of those or their average.
  double val_balanced_accuracy = std::numeric_limits<double>::quiet_NaN();
  double val_macro_f1 = std::numeric_limits<double>::quiet_NaN();
  /// Percent; nan where the run does not look for it: with one label a picture
  /// and another eval_metric.
  double val_map = std::numeric_limits<double>::quiet_NaN();
  double eval_metric = std::numeric_limits<double>::quiet_NaN();
  /// Percent, by class, by the weights that training moves; nan of a class that
  /// no picture has. Empty with several labels a picture, and in runs of
  /// before.
  std::vector<double> val_recall_per_class = {};
  /// The same, where the run looks for it as for val_map.
  std::vector<double> val_average_precision_per_class = {};
};

/// In what a scalar is measured, and so how people are shown it.
enum class Unit { kNone, kLoss, kPercent, kPerSecond, kSeconds };

/// A scalar of an epoch, as each file and the log have it.
struct EpochScalar {
  std::string_view name;   ///< The column of summary.csv, key of metrics.jsonl.
  std::string_view tag;    ///< In TensorBoard; empty: not there.
  std::string_view title;  ///< The column of report.html; empty: not there.
  std::string_view log;    ///< In the log's line of an epoch; empty: not there.
  Unit unit = Unit::kNone;
  double EpochRow::*value = nullptr;
  bool is_optional = false;  ///< Where it is nan, only summary.csv has it.
};
/// All but the epoch itself, in the order of the columns.
std::span<const EpochScalar> epoch_scalars();
/// Whether it is one that not every run has, and this has not.
bool is_absent(const EpochRow& row, const EpochScalar& scalar);

/// A figure that an epoch has of each class: in metrics.jsonl a list, in the
/// order of the classes, which no other file has.
struct ClassSeries {
  std::string_view name;   ///< Its key.
  std::string_view title;  ///< In report.html.
  std::vector<double> EpochRow::*values = nullptr;
};
std::span<const ClassSeries> class_series();

/// Gives the rows of a summary.csv what metrics.jsonl has of their epochs by
/// class. A file that is not there, a line of an older version and one that was
/// cut short leave it out.
void read_class_series(const std::filesystem::path& jsonl,
                       std::vector<EpochRow>& rows);

/// The line of an epoch in the log: "Val:   3  Loss: 1.9200  Acc@1: 31.25 …".
std::string log_line(const EpochRow& row);

/// A row as one JSON object; what is not finite is null. What a row has not of
/// its classes is not there.
std::string json_line(const EpochRow& row);

/// The first line of summary.csv, without its newline.
std::string csv_header();

/// Whether a line is that of this or an older version.
bool is_csv_header(std::string_view line);

/// A row as a line, without its newline. Numbers take the shortest form that
/// reads back bit for bit, whatever the locale; nan and inf are allowed.
std::string csv_line(const EpochRow& row);

/// Reads a whole summary.csv, `\n` or `\r\n` at the end of lines. Columns are
/// known by their names: one that an older version did not yet write is nan.
/// Throws std::runtime_error, "file:line: what", if it is malformed.
std::vector<EpochRow> read_csv(const std::filesystem::path& file);

}  // namespace skipzoo
