#include "tools/cli/evaluation_text.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tools/printable.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

ordered_json json_of(const Interval& interval) {
  return {interval.low, interval.high};
}

/// Not in percent, as recall itself is not.
ordered_json shares_of(const Interval& percent) {
  return {percent.low / 100, percent.high / 100};
}

ordered_json thresholds_of(const Evaluation& result) {
  ordered_json rows = ordered_json::array();
  for (const auto& row : at_thresholds(result.judged)) {
    rows.push_back({{"threshold", row.threshold},
                    {"coverage", row.coverage},
                    {"accuracy", row.accuracy},
                    {"accuracy_interval", {row.low, row.high}}});
    if (row.coverage > 0) continue;  // Of no picture: unknown.
    rows.back()["accuracy"] = rows.back()["accuracy_interval"] = nullptr;
  }
  return rows;
}

/// Percent; null where no picture has one class.
ordered_json calibration_error(const Evaluation& result) {
  const double error =
      expected_calibration_error(confidence_bins(result.judged));
  return std::isfinite(error) ? ordered_json(error) : ordered_json();
}

void print_thresholds(const Evaluation& result) {
  const auto rows = at_thresholds(result.judged);
  if (rows.empty()) return;
  std::cout << "\nprobability  coverage  accuracy  95 % interval\n"
            << std::setprecision(2);
  for (const auto& row : rows) {
    std::cout << "    >= " << row.threshold << std::setw(8) << row.coverage
              << " %";
    if (std::isnan(row.accuracy)) {
      std::cout << "         -\n";
      continue;
    }
    std::cout << std::setw(8) << row.accuracy << " %  " << row.low << " to "
              << row.high << '\n';
  }
}

void print_confusion(const Evaluation& result) {
  constexpr size_t kMost = 20;  // More columns than this do not fit a terminal.
  if (result.confusion.size() > kMost) return;
  std::cout << "\nconfusion: rows are true classes, columns predicted ones\n";
  for (const auto& row : result.confusion) {
    for (const auto count : row) std::cout << std::setw(6) << count;
    std::cout << '\n';
  }
}

/// Bytes that do not begin a letter of UTF-8 take no room.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

void print_json(const Evaluation& result, const std::string& split,
                const std::vector<std::string>& classes) {
  ordered_json per_class = ordered_json::array();
  const auto scores = class_scores(result.confusion);
  for (size_t c = 0; c < scores.size(); ++c) {
    const auto right = result.confusion[c][c];
    per_class.push_back({{"class", classes[c]},
                         {"precision", scores[c].precision},
                         {"recall", scores[c].recall},
                         {"recall_interval",
                          shares_of(wilson_interval(right, scores[c].images))},
                         {"f1", scores[c].f1},
                         {"images", scores[c].images}});
    if (scores[c].images > 0) continue;  // Unknown, not 0.
    per_class.back()["recall"] = per_class.back()["recall_interval"] = nullptr;
  }
  const auto figures = figures_of(result.confusion);
  ordered_json all = {{"loss", result.loss},
                      {"top1", result.top1},
                      {"top1_interval", json_of(figures.top1.interval)},
                      {"top5", result.top5},
                      {"balanced_accuracy", figures.balanced_accuracy.value},
                      {"balanced_accuracy_interval",
                       json_of(figures.balanced_accuracy.interval)},
                      {"macro_f1", figures.macro_f1.value},
                      {"macro_f1_interval", json_of(figures.macro_f1.interval)},
                      {"ece", calibration_error(result)},
                      {"images", result.images},
                      {"skipped", result.skipped},
                      {"split", split},
                      {"thresholds", thresholds_of(result)},
                      {"per_class", per_class},
                      {"confusion", result.confusion}};
  if (!result.labels.empty()) {
    all["map"] = result.map;
    all["map_interval"] = json_of(label_intervals(result).map);
  }
  std::cout << all.dump(-1, ' ', false, ordered_json::error_handler_t::replace)
            << '\n';
}

std::string known_text(double share, int64_t images) {
  if (images == 0) return "-";
  std::ostringstream text;
  text << std::fixed << std::setprecision(4) << share;
  return text.str();
}

std::string bounds_text(const Interval& interval) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << interval.low << " to "
       << interval.high;
  return text.str();
}

FirstColumn::FirstColumn(const std::vector<std::string>& names) {
  for (const auto& name : names) {
    width_ = std::max(width_, width_of(printable(name)));
  }
}

std::string FirstColumn::cell(const std::string& name) const {
  const auto text = printable(name);
  return text + std::string(width_ - std::min(width_, width_of(text)), ' ');
}

void print_text(const Evaluation& result,
                const std::vector<std::string>& classes) {
  std::cout << std::fixed << std::setprecision(2) << "top-1 " << result.top1
            << " %, top-5 " << result.top5 << " %, loss "
            << std::setprecision(4) << result.loss << ", " << result.images
            << " images";
  if (result.skipped > 0) std::cout << ", " << result.skipped << " skipped";
  const auto figures = figures_of(result.confusion);
  std::cout << std::setprecision(2) << "\nbalanced accuracy "
            << figures.balanced_accuracy.value << " %, macro F1 "
            << figures.macro_f1.value << " %\n95 % intervals: top-1 "
            << bounds_text(figures.top1.interval) << ", balanced accuracy "
            << bounds_text(figures.balanced_accuracy.interval) << ", macro F1 "
            << bounds_text(figures.macro_f1.interval)
            << "\nexpected calibration error "
            << expected_calibration_error(confidence_bins(result.judged))
            << " %";
  if (!result.labels.empty()) {
    std::cout << "\nmean average precision " << result.map << " %, "
              << bounds_text(label_intervals(result).map);
  }
  const FirstColumn first(classes);
  std::cout << std::setprecision(4) << "\n\n"
            << first.cell("class") << std::setw(10) << "precision"
            << std::setw(10) << "recall" << std::setw(10) << "F1"
            << std::setw(10) << "images" << '\n';
  const auto scores = class_scores(result.confusion);
  for (size_t c = 0; c < scores.size(); ++c) {
    const auto& one = scores[c];
    std::cout << first.cell(classes[c]) << std::setw(10) << one.precision
              << std::setw(10) << known_text(one.recall, one.images)
              << std::setw(10) << one.f1 << std::setw(10) << one.images << '\n';
  }
  print_thresholds(result);
  print_confusion(result);
}

}  // namespace skipzoo
