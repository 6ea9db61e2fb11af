#include <cmath>
#include <filesystem>
#include <iostream>

#include "tools/cli/commands.h"
#include "tools/config/compare.h"
#include "tools/error.h"
#include "tools/file.h"
#include "tools/report/comparison.h"
#include "tools/train/evaluate.h"
#include "tools/train/run_folder.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

namespace fs = std::filesystem;

struct ReportArguments {
  std::vector<std::string> runs;
  std::string out = "runs.html";
};

/// What the run judged its epoch by; of runs of before, its top-1.
double judged_by(const EpochRow& row) {
  return std::isfinite(row.eval_metric) ? row.eval_metric : row.val_top1;
}

int64_t best_epoch_of(const std::vector<EpochRow>& rows, EvalMetric metric) {
  const EpochRow* best = nullptr;
  for (const auto& row : rows) {
    if (!std::isfinite(judged_by(row))) continue;
    if (best == nullptr || is_better(metric, judged_by(row), judged_by(*best)))
      best = &row;
  }
  return best == nullptr ? 0 : best->epoch;
}

/// A run's folder, with a slash at its end or without.
std::string name_of_run(const fs::path& folder) {
  const auto name = folder.filename();
  return (name.empty() ? folder.parent_path().filename() : name).string();
}

std::vector<EpochRow> epochs_in(const fs::path& folder) {
  const auto csv = folder / "summary.csv";
  std::error_code unknown;
  if (!fs::exists(csv, unknown)) {
    throw FileError(folder,
                    "is no folder of a run: it has no summary.csv; give "
                    "folders that 'skipzoo train' made");
  }
  auto rows = read_csv(csv);
  if (rows.empty()) {
    throw FileError(csv, "no epoch of this run has been finished");
  }
  return rows;
}

/// As the first differs from each of the others.
std::vector<ComparedKey> keys_of(const std::vector<RunConfig>& configs) {
  std::vector<ComparedKey> keys;
  for (size_t i = 1; i < configs.size(); ++i) {
    for (const auto& [key, first, other] :
         differences(configs.front(), configs[i])) {
      auto found = std::ranges::find(keys, key, &ComparedKey::key);
      if (found == keys.end()) {
        keys.push_back({key, std::vector<std::string>(configs.size(), first)});
        found = keys.end() - 1;
      }
      found->values[i] = other;
    }
  }
  return keys;
}

void run_report(const ReportArguments& args) {
  RunComparison comparison;
  std::vector<RunConfig> configs;
  for (const auto& each : args.runs) {
    const fs::path folder(each);
    auto rows = epochs_in(folder);
    configs.push_back(load_config(RunFolder::open(folder).config()).config);
    const int64_t best = best_epoch_of(rows, configs.back().train.eval_metric);
    comparison.runs.push_back({.name = name_of_run(folder),
                               .rows = std::move(rows),
                               .best_epoch = best});
  }
  comparison.keys = keys_of(configs);
  write_whole(args.out, comparison_page(comparison));
  std::cout << args.runs.size() << " runs side by side: " << args.out << '\n';
}

}  // namespace

void add_report(CLI::App& app) {
  auto args = std::make_shared<ReportArguments>();
  CLI::App* command = app.add_subcommand(
      "report", "Runs side by side: results, configs, curves on one page");
  command->add_option("runs", args->runs, "Folders of runs")
      ->required()
      ->expected(1, 24);
  command->add_option("-o,--out", args->out, "The page")
      ->default_str(args->out);
  command->footer(
      "Examples:\n"
      "  skipzoo report runs/plain20-* runs/resnet20-* -o skips.html");
  command->callback([args] { run_report(*args); });
}

}  // namespace skipzoo
