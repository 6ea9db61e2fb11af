#include "tools/study/study_curves.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "tools/report/html.h"
#include "tools/report/lines.h"

namespace skipzoo {

namespace {

std::vector<std::string> skips_of(const StudyReport& report) {
  std::vector<std::string> skips;
  for (const auto& run : report.runs) {
    const auto& skip = run.result.skip;
    if (!std::ranges::count(skips, skip)) skips.push_back(skip);
  }
  return skips;
}

/// A line a skip; none are left out, so that each keeps its dashes.
template <typename PointsOf>
std::vector<Line> line_of_each(const StudyReport& report,
                               const PointsOf& points) {
  std::vector<Line> lines;
  for (const auto& skip : skips_of(report))
    lines.push_back({skip, points(skip)});
  return lines;
}

std::vector<Line> by_epochs(const StudyReport& report, int64_t depth,
                            double EpochRow::*value) {
  return line_of_each(report, [&](const std::string& skip) {
    std::map<int64_t, std::pair<double, int64_t>> sums;
    for (const auto& run : report.runs) {
      if (run.result.skip != skip || run.result.depth != depth) continue;
      for (const auto& row : run.epochs) {
        sums[row.epoch].first += row.*value;
        ++sums[row.epoch].second;
      }
    }
    std::vector<Point> points;
    for (const auto& [epoch, sum] : sums) {
      points.push_back({static_cast<double>(epoch),
                        sum.first / static_cast<double>(sum.second)});
    }
    return points;
  });
}

std::vector<Line> by_layers(const StudyReport& report, int64_t depth,
                            bool at_start, double LayerRow::*value) {
  return line_of_each(report, [&](const std::string& skip) {
    std::vector<Point> points;
    for (const auto& run : report.runs) {
      if (run.result.skip != skip || run.result.depth != depth ||
          run.result.seed != report.seed) {
        continue;
      }
      const int64_t epoch =
          at_start || run.layers.empty() ? 0 : run.layers.back().epoch;
      for (const auto& row : rows_of_epoch(run.layers, epoch)) {
        points.push_back(
            {static_cast<double>(points.size() + 1), std::log10(row.*value)});
      }
    }
    return points;
  });
}

}  // namespace

std::string study_curve_styles() {
  const std::string css =
      "<style>.contour{fill:none;stroke:var(--val);"
      "stroke-width:1.4}.contour+text{paint-order:stroke;stroke:var(--card);"
      "stroke-width:4px;stroke-linejoin:round;fill:var(--text)}"
      "figure details{margin-top:8px}"
      "figure summary{font-size:14px;font-weight:500}"
      ".findings{width:100%}.findings td,.findings th{text-align:left;"
      "white-space:normal;vertical-align:top}.findings b{white-space:nowrap}" +
      line_styles();
  return css + "</style>\n";
}

std::string study_curves(const StudyReport& report, int64_t depth) {
  const auto layers = [&](const std::string& title, bool at_start,
                          double LayerRow::*value) {
    return lines_figure(title, "layer",
                        by_layers(report, depth, at_start, value));
  };
  return cat({"<div class=\"grid plots\">\n",
              lines_figure("Training loss", "epoch",
                           by_epochs(report, depth, &EpochRow::train_loss)),
              lines_figure("Test accuracy (%)", "epoch",
                           by_epochs(report, depth, &EpochRow::val_top1)),
              layers("Gradient norm before training (log10)", true,
                     &LayerRow::gradient_norm),
              layers("Gradient norm, last epoch (log10)", false,
                     &LayerRow::gradient_norm),
              layers("Signal variance before training (log10)", true,
                     &LayerRow::signal_variance),
              layers("Update to weight, last epoch (log10)", false,
                     &LayerRow::update_ratio),
              "</div>\n"});
}

}  // namespace skipzoo
