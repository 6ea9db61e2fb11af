#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/report/history.h"

namespace skipzoo {

/// A run among those that a page holds side by side. Text need not be escaped.
struct ComparedRun {
  std::string name;
  std::vector<EpochRow> rows;  ///< In the order of their epochs; one or more.
  int64_t best_epoch = 0;      ///< Of rows, by the run's own eval_metric.
};

/// A key of the configs that is not the same in all runs.
struct ComparedKey {
  std::string key;
  std::vector<std::string> values;  ///< Of each run.
};

/// Several runs side by side.
struct RunComparison {
  std::vector<ComparedRun> runs;
  std::vector<ComparedKey> keys;
};

/// One self-contained page: a row of results for each run, what differs in
/// their configs, curves over each other.
std::string comparison_page(const RunComparison& comparison);

}  // namespace skipzoo
