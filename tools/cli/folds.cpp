#include "tools/cli/folds.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "models/classifier.h"
#include "tools/config/fields.h"
#include "tools/config/source.h"
#include "tools/data/layout.h"
#include "tools/data/sampler.h"
#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/report/history.h"
#include "tools/run/ensemble.h"
#include "tools/train/intervals.h"
#include "tools/train/run_folder.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// A figure of the best epoch of each fold.
struct Column {
  std::string name;
  double EpochRow::*value;
};

const Column kColumns[] = {
    {"val_top1", &EpochRow::val_top1},
    {"val_top5", &EpochRow::val_top5},
    {"val_loss", &EpochRow::val_loss},
    {"val_balanced_accuracy", &EpochRow::val_balanced_accuracy},
    {"val_macro_f1", &EpochRow::val_macro_f1},
    {"val_map", &EpochRow::val_map},
    {"eval_metric", &EpochRow::eval_metric}};

/// By train.eval_metric, the first of equal ones: what best.skz is of.
EpochRow best_row(const fs::path& folder) {
  const auto rows = read_csv(folder / "summary.csv");
  if (rows.empty()) throw FileError(folder / "summary.csv", "has no epochs");
  const auto config = load_config(folder / "config.yaml").config;
  const bool is_loss = config.train.eval_metric == EvalMetric::kLoss;
  const EpochRow* best = &rows.front();
  for (const auto& row : rows) {
    const bool is_better = is_loss ? row.eval_metric < best->eval_metric
                                   : row.eval_metric > best->eval_metric;
    if (is_better) best = &row;
  }
  return *best;
}

std::string csv_of(const std::vector<EpochRow>& rows) {
  std::string csv = "fold,epoch";
  for (const auto& column : kColumns) csv += "," + column.name;
  csv += "\n";
  for (size_t i = 0; i < rows.size(); ++i) {
    csv += std::to_string(i + 1) + "," + std::to_string(rows[i].epoch);
    for (const auto& column : kColumns) {
      csv += "," + to_text(rows[i].*column.value);
    }
    csv += "\n";
  }
  return csv;
}

void print_folds(const std::vector<EpochRow>& rows) {
  constexpr int kName = 24, kNumber = 10;
  auto& out = std::cout;
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << std::left << std::setw(kName)
       << "fold" << std::right;
  for (size_t i = 0; i < rows.size(); ++i) text << std::setw(kNumber) << i + 1;
  text << std::setw(kNumber) << "mean" << std::setw(kNumber) << "std"
       << "    95 % interval\n";
  for (const auto& column : kColumns) {
    if (column.value == &EpochRow::eval_metric) continue;  // One of the others.
    std::vector<double> values;
    for (const auto& row : rows) values.push_back(row.*column.value);
    const auto is_absent = [](double value) { return std::isnan(value); };
    if (std::ranges::all_of(values, is_absent)) continue;
    const bool is_loss = column.value == &EpochRow::val_loss;
    auto mean = mean_of(values);
    // No figure lies beyond what it can be.
    mean.interval.low = std::max(mean.interval.low, 0.);
    if (!is_loss) mean.interval.high = std::min(mean.interval.high, 100.);
    if (is_loss) text << std::setprecision(4);
    text << std::left << std::setw(kName) << column.name << std::right;
    for (const double value : values) text << std::setw(kNumber) << value;
    text << std::setw(kNumber) << mean.mean << std::setw(kNumber)
         << mean.deviation << "    " << mean.interval.low << " to "
         << mean.interval.high << '\n'
         << std::setprecision(2);
  }
  out << text.str();
}

/// What --resume goes on with must be parts of as many.
void check_folds(const fs::path& first, int64_t folds) {
  const auto config = load_config(first / "config.yaml").config;
  if (config.data.folds() == folds) return;
  throw ConfigError("--folds: " + first.parent_path().string() + " holds " +
                    std::to_string(config.data.folds()) + " folds, not " +
                    std::to_string(folds));
}

/// Before the first fold is trained: where no class has a picture for each,
/// one would have none to validate on; where some have not, these are named.
void check_classes(const TrainArguments& args, int64_t folds) {
  auto config = load_config(args.config, args.overrides).config;
  config.data = as_laid_out(std::move(config.data));
  const auto data =
      open_dataset(config.data, Split::kTrain, in_channels(config.model),
                   num_classes(config.model));
  const auto pictures = class_counts(*data);
  const auto most = std::ranges::max(pictures);
  const std::string asked = "--folds " + std::to_string(folds);
  if (most < folds) {
    throw ConfigError(asked + ": no class has more than " +
                      std::to_string(most) + " pictures");
  }
  std::vector<std::string> few;
  for (size_t c = 0; c < pictures.size(); ++c) {
    if (pictures[c] < folds) few.push_back(data->classes()[c]);
  }
  if (few.empty()) return;
  spdlog::warn(
      "{}: fewer pictures than folds, so that not each validates on "
      "them: {}",
      asked, quoted_list(few));
}

/// To be typed.
std::string command_to_go_on(const TrainArguments& args, int64_t folds,
                             const fs::path& folder) {
  std::string command =
      args.program + " " + args.command + " -c " + argument_text(args.config);
  for (const auto& change : args.overrides) {
    command += " --set " + argument_text(change);
  }
  if (!args.device.empty()) command += " --device " + args.device;
  if (args.fetch.offline) command += " --offline";
  return command + " --folds " + std::to_string(folds) + " -o " +
         argument_text(folder) + " --resume";
}

/// With what a fold changes of the config: where it goes on, that of the first
/// fold, as all are to be by the same.
TrainArguments run_of_fold(const TrainArguments& args, const fs::path& folder,
                           int64_t fold, int64_t folds) {
  TrainArguments run = args;
  run.overrides.push_back("data.holdout=" +
                          to_text(1 / static_cast<double>(folds)));
  run.overrides.push_back("data.fold=" + std::to_string(fold));
  const fs::path own = folder_of_fold(folder, fold);
  std::error_code unknown;
  run.resume.clear();
  run.output.clear();
  if (args.resumes() && fs::exists(own / "config.yaml", unknown)) {
    run.resume = {own.string()};
    run.overrides = args.overrides;  // It has the others already.
    return run;
  }
  run.output = own.string();
  const fs::path first = folder_of_fold(folder, 1) / "config.yaml";
  if (args.resumes() && fold > 1 && fs::exists(first, unknown)) {
    run.config = first.string();
  }
  return run;
}

}  // namespace

int train_folds(const TrainArguments& args, int64_t folds,
                const std::function<int(const TrainArguments&)>& train) {
  for (const auto& change : args.overrides) {
    if (change.starts_with("data.holdout=") ||
        change.starts_with("data.fold=")) {
      throw ConfigError("--folds chooses what is held out; drop --set " +
                        change);
    }
  }
  if (is_piped(args.config)) {
    throw ConfigError(
        "--folds: each fold reads the config, and this one is piped: give a "
        "file");
  }
  if (args.resumes() && args.output.empty()) {
    throw ConfigError(
        "--folds: name the folder that holds fold-1 … by -o, to --resume");
  }
  const auto folder = args.print_config ? fs::path() : new_run_folder(args);
  const auto first = folder_of_fold(folder, 1);
  std::error_code unknown;
  if (args.resumes() && fs::exists(first / "config.yaml", unknown)) {
    check_folds(first, folds);
  } else if (!args.config.empty() && !args.print_config) {
    check_classes(args, folds);
  }
  std::vector<EpochRow> rows;
  for (int64_t fold = 1; fold <= folds; ++fold) {
    const auto run = run_of_fold(args, folder, fold, folds);
    spdlog::info("fold {} of {}", fold, folds);
    const int exit_code = train(run);
    if (args.print_config) return exit_code;
    if (exit_code != 0) {
      spdlog::info("to go on with this fold and the others:\n  {}",
                   command_to_go_on(args, folds, folder));
      return exit_code;
    }
    rows.push_back(best_row(folder_of_fold(folder, fold)));
  }
  write_whole(folder / "folds.csv", csv_of(rows));
  print_folds(rows);
  spdlog::info(
      "table: {}\nall of them as one, where there is a test split: {} evaluate "
      "{} --split test",
      (folder / "folds.csv").string(), args.program, argument_text(folder));
  return 0;
}

}  // namespace skipzoo
