// What metrics.jsonl has of each class in an epoch.

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/report/history.h"

namespace skipzoo {
namespace {

constexpr ClassSeries kClassSeries[] = {
    {"val_recall_per_class", "Recall by class (%)",
     &EpochRow::val_recall_per_class},
    {"val_average_precision_per_class", "Average precision by class (%)",
     &EpochRow::val_average_precision_per_class}};

/// Numbers and nulls; empty where it is anything else.
std::vector<double> values_in(const nlohmann::json& list) {
  std::vector<double> values;
  if (!list.is_array()) return values;
  for (const auto& one : list) {
    if (!one.is_number() && !one.is_null()) return {};
    values.push_back(one.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                   : one.get<double>());
  }
  return values;
}

}  // namespace

std::span<const ClassSeries> class_series() { return kClassSeries; }

void read_class_series(const std::filesystem::path& jsonl,
                       std::vector<EpochRow>& rows) {
  std::ifstream in(jsonl, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    const auto json =
        nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("epoch") ||
        !json["epoch"].is_number_integer()) {
      continue;
    }
    const auto row =
        std::ranges::find(rows, json["epoch"].get<int64_t>(), &EpochRow::epoch);
    if (row == rows.end()) continue;
    for (const auto& series : kClassSeries) {
      const auto found = json.find(series.name);
      if (found != json.end()) (*row).*series.values = values_in(*found);
    }
  }
}

}  // namespace skipzoo
