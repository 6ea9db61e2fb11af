#include "tools/study/study_curves.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "tools/report/html.h"
#include "tools/report/plot.h"

namespace skipzoo {

namespace {

/// Dashes of the lines, in the order of the skips.
constexpr const char* kDashes[] = {"none", "6 4",      "1.5 4.5",
                                   "12 4", "12 4 2 4", "3 2"};
constexpr size_t kStyles = std::size(kDashes);

struct StudyLine {
  std::string name;
  std::vector<Point> points;
};

std::string style_of(size_t number) {
  return "k" + std::to_string(number % kStyles);
}

std::string line_key(size_t number, const std::string& name) {
  const auto style = style_of(number);
  return cat(
      {"<span class=\"line-key\"><svg viewBox=\"0 0 40 8\" "
       "aria-hidden=\"true\"><polyline class=\"",
       style, "\" points=\"1,4 39,4\"/></svg>", escaped(name), "</span>"});
}

Axis axis_of(const std::vector<StudyLine>& lines, double Point::*value) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const auto& line : lines) {
    for (const auto& point : line.points) {
      if (!drawable(point.*value)) continue;
      low = std::min(low, point.*value);
      high = std::max(high, point.*value);
    }
  }
  if (low > high) return {};
  widen_if_flat(low, high);
  return round_axis(low, high, std::numeric_limits<double>::infinity());
}

/// Over each place across, what all lines have there.
std::string line_tooltips(const Canvas& canvas, const std::string& across,
                          const std::vector<StudyLine>& lines) {
  std::map<double, std::string> texts;
  for (const auto& line : lines) {
    for (const auto& point : line.points) {
      auto& text = texts[point.x];
      if (text.empty()) text = across + " " + number(point.x, 0);
      text += "\n" + escaped(line.name) + " " + number(point.y);
    }
  }
  const double width = (Canvas::kRight - Canvas::kLeft) /
                       static_cast<double>(std::max<size_t>(texts.size(), 2));
  std::string svg;
  for (const auto& [x, text] : texts) svg += canvas.tooltip(x, width, text);
  return svg;
}

std::string lines_figure(const std::string& title, const std::string& across,
                         const std::vector<StudyLine>& lines) {
  auto wide = axis_of(lines, &Point::x);
  wide.step = std::max(1., wide.step);
  const Canvas canvas{wide, axis_of(lines, &Point::y)};
  std::string svg =
      canvas.axes(across, [](double value) { return number(value, 0); });
  std::string keys, label = title + " by " + across;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].points.empty()) continue;
    keys += line_key(i, lines[i].name);
    svg += canvas.curve(style_of(i), lines[i].points);
    label += ", " + escaped(lines[i].name) + " from " +
             number(lines[i].points.front().y) + " to " +
             number(lines[i].points.back().y);
  }
  return figure(title, keys, "", label,
                svg + line_tooltips(canvas, across, lines));
}

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
std::vector<StudyLine> line_of_each(const StudyReport& report,
                                    const PointsOf& points) {
  std::vector<StudyLine> lines;
  for (const auto& skip : skips_of(report))
    lines.push_back({skip, points(skip)});
  return lines;
}

std::vector<StudyLine> by_epochs(const StudyReport& report, int64_t depth,
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

std::vector<StudyLine> by_layers(const StudyReport& report, int64_t depth,
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
  std::string css =
      "<style>:root{--k2:#0a7d4f;--k3:#a3348c;--k4:#7a5c00;--k5:#59616b}"
      "@media screen and (prefers-color-scheme:dark){:root{--k2:#4fd39b;"
      "--k3:#f08fd8;--k4:#d9b84a;--k5:#b4bcc6}}"
      ".line-key{font-size:13px;color:var(--soft);white-space:nowrap}"
      ".line-key svg{display:inline-block;width:36px;margin:0 6px 0 0;"
      "vertical-align:middle}.contour{fill:none;stroke:var(--val);"
      "stroke-width:1.4}.contour+text{paint-order:stroke;stroke:var(--card);"
      "stroke-width:4px;stroke-linejoin:round;fill:var(--text)}"
      "figure details{margin-top:8px}"
      "figure summary{font-size:14px;font-weight:500}"
      ".findings{width:100%}.findings td,.findings th{text-align:left;"
      "white-space:normal;vertical-align:top}.findings b{white-space:nowrap}";
  for (size_t i = 0; i < kStyles; ++i) {
    const auto colour = i == 0   ? std::string("val")
                        : i == 1 ? std::string("train")
                                 : style_of(i);
    css += cat({"polyline.", style_of(i), "{stroke:var(--", colour,
                ");stroke-dasharray:", kDashes[i], "}"});
  }
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
