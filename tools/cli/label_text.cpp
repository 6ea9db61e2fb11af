#include "tools/cli/label_text.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tools/cli/evaluation_text.h"
#include "tools/printable.h"
#include "tools/train/intervals.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

/// How many pictures a share of them in percent is.
int64_t hits_of(double percent, int64_t images) {
  return std::llround(percent / 100 * static_cast<double>(images));
}

Interval recall_interval(const LabelScores& one) {
  return wilson_interval(hits_of(100 * one.recall, one.images), one.images);
}

ordered_json pair_of_bounds(const Interval& interval, double scale = 1) {
  return {interval.low / scale, interval.high / scale};
}

ordered_json json_by_class(const Evaluation& result,
                           const std::vector<std::string>& classes) {
  ordered_json list = ordered_json::array();
  for (size_t c = 0; c < result.labels.size(); ++c) {
    const auto& one = result.labels[c];
    list.push_back({{"class", classes[c]},
                    {"average_precision", one.average_precision},
                    {"threshold", one.threshold},
                    {"precision", one.precision},
                    {"recall", one.recall},
                    {"recall_interval",
                     pair_of_bounds(recall_interval(one), /*scale=*/100)},
                    {"f1", one.f1},
                    {"images", one.images}});
    if (one.images > 0) continue;  // Unknown, not 0.
    for (const char* of : {"average_precision", "recall", "recall_interval"}) {
      list.back()[of] = nullptr;
    }
  }
  return list;
}

}  // namespace

void print_labels_json(const Evaluation& result, const std::string& split,
                       const std::vector<std::string>& classes,
                       bool from_network) {
  const auto top1 =
      wilson_interval(hits_of(result.top1, result.images), result.images);
  const auto [map, f1] = label_intervals(result);
  std::cout << ordered_json{{"loss", result.loss},
                            {"map", result.map},
                            {"map_interval", pair_of_bounds(map)},
                            {"macro_f1", mean_f1(result.labels)},
                            {"macro_f1_interval", pair_of_bounds(f1)},
                            {"top1", result.top1},
                            {"top1_interval", pair_of_bounds(top1)},
                            {"top5", result.top5},
                            {"images", result.images},
                            {"skipped", result.skipped},
                            {"split", split},
                            {"thresholds_of",
                             from_network ? "network" : "these images"},
                            {"per_class", json_by_class(result, classes)}}
                   .dump(-1, ' ', false, ordered_json::error_handler_t::replace)
            << '\n';
}

void print_labels_text(const Evaluation& result,
                       const std::vector<std::string>& classes,
                       bool from_network) {
  const auto top1 =
      wilson_interval(hits_of(result.top1, result.images), result.images);
  const auto [map, f1] = label_intervals(result);
  std::cout << std::fixed << std::setprecision(2) << "mAP " << result.map
            << " %, macro F1 " << mean_f1(result.labels) << " %, loss "
            << std::setprecision(4) << result.loss << ", " << result.images
            << " images";
  if (result.skipped > 0) std::cout << ", " << result.skipped << " skipped";
  std::cout << std::setprecision(2) << "\nthe class ranked first is a label of "
            << result.top1 << " % of them, one of the first five of "
            << result.top5 << " %\n95 % intervals: mAP " << bounds_text(map)
            << ", macro F1 " << bounds_text(f1) << ", ranked first "
            << bounds_text(top1) << "\nthresholds: "
            << (from_network ? "those of the network"
                             : "where F1 is highest on these images")
            << "\n\n";
  const FirstColumn first(classes);
  std::cout << first.cell("class") << std::setw(10) << "AP" << std::setw(11)
            << "threshold" << std::setw(11) << "precision" << std::setw(10)
            << "recall" << std::setw(10) << "F1" << std::setw(10) << "images"
            << '\n'
            << std::setprecision(4);
  for (size_t c = 0; c < result.labels.size(); ++c) {
    const auto& one = result.labels[c];
    std::cout << first.cell(classes[c]) << std::setw(10)
              << known_text(one.average_precision, one.images) << std::setw(11)
              << one.threshold << std::setw(11) << one.precision
              << std::setw(10) << known_text(one.recall, one.images)
              << std::setw(10) << one.f1 << std::setw(10) << one.images << '\n';
  }
}

}  // namespace skipzoo
