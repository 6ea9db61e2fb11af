#include "tools/report/curves.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string_view>
#include <vector>

#include "tools/report/html.h"

namespace skipzoo {
namespace {

/// A scale with a tick at every multiple of `step`.
struct Axis {
  double low = 0;
  double high = 1;
  double step = 0.2;
};

struct Series {
  std::string_view name;
  std::string_view style;  ///< The CSS class of its line.
  double EpochRow::*value;
};

struct Plot {
  std::string_view title;
  std::vector<Series> series;
  double limit;  ///< The most that its axis may show: 100 for percents.
  /// Whether a few epochs far above all others may lie outside of it.
  bool cuts_outliers = false;
};

/// What fits a picture: a diverged loss leaves a gap, as does nan.
bool drawable(double value) { return std::abs(value) < 1e100; }

/// 1, 2 or 5 times a power of ten, for about five ticks.
double nice_step(double range) {
  const double power = std::pow(10, std::floor(std::log10(range / 5)));
  const double ratio = range / 5 / power;
  return power * (ratio < 1.01 ? 1 : ratio < 2.01 ? 2 : ratio < 5.01 ? 5 : 10);
}

/// The highest value of an epoch.
double highest(const Plot& plot, const EpochRow& row) {
  double high = -std::numeric_limits<double>::infinity();
  for (const auto& series : plot.series) {
    if (const double value = row.*series.value; drawable(value)) {
      high = std::max(high, value);
    }
  }
  return high;
}

/// The upper end of an axis from `low` to `high`, or a lower one where every
/// twentieth epoch, or one, would leave the others a quarter of it: a first
/// loss of a million would flatten all that follow.
double usual_high(const Plot& plot, const std::vector<EpochRow>& rows,
                  double low, double high) {
  std::vector<double> peaks;
  for (const auto& row : rows) {
    peaks.push_back(highest(plot, row));
  }
  std::ranges::sort(peaks, std::greater());
  const size_t outliers = std::max<size_t>(1, peaks.size() / 20);
  if (peaks.size() < 3) {
    return high;
  }
  const double usual = peaks[outliers];
  return usual > low && high - low > 4 * (usual - low) ? usual : high;
}

Axis value_axis(const Plot& plot, const std::vector<EpochRow>& rows) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const auto& row : rows) {
    for (const auto& series : plot.series) {
      if (const double value = row.*series.value; drawable(value)) {
        low = std::min(low, value);
        high = std::max(high, value);
      }
    }
  }
  if (low > high) {
    return {};
  }
  if (high - low <= 1e-9 * std::max(std::abs(high), 1e-30)) {
    const double margin = std::abs(high) < 1e-30 ? 1 : std::abs(high) / 10;
    low = low < 0 ? low - margin : std::max(0.0, low - margin);
    high += margin;
  }
  if (plot.cuts_outliers) high = usual_high(plot, rows, low, high);
  const double step = nice_step(high - low);
  return {std::floor(low / step) * step,
          std::min(std::ceil(high / step) * step, plot.limit), step};
}

Axis epoch_axis(const std::vector<EpochRow>& rows) {
  const auto first = static_cast<double>(rows.front().epoch);
  const auto last = static_cast<double>(rows.back().epoch);
  if (!(last > first)) {
    return {first - 0.5, first + 0.5, 1};
  }
  return {first, last, std::max(1.0, nice_step(last - first))};
}

/// Draws into a box of 420 x 250; y grows downwards, as SVG has it.
struct Canvas {
  static constexpr double kLeft = 50, kRight = 408, kTop = 10, kBottom = 214;
  static constexpr double kEdge = 2;  ///< Above the top: beyond the axis.
  Axis across;
  Axis up;

  double x(double value) const {
    return kLeft +
           (value - across.low) / (across.high - across.low) * (kRight - kLeft);
  }
  double y(double value) const {
    return kBottom - (value - up.low) / (up.high - up.low) * (kBottom - kTop);
  }
  static std::string line(double x1, double y1, double x2, double y2,
                          std::string_view style) {
    return cat({"<line class=\"", style, "\" x1=\"", number(x1, 1), "\" y1=\"",
                number(y1, 1), "\" x2=\"", number(x2, 1), "\" y2=\"",
                number(y2, 1), "\"/>"});
  }
  static std::string text(double x, double y, std::string_view anchor,
                          std::string_view what) {
    return cat({"<text x=\"", number(x, 1), "\" y=\"", number(y, 1),
                "\" text-anchor=\"", anchor, "\">", what, "</text>\n"});
  }
  std::string axes() const;
  std::string curve(const Series& series,
                    const std::vector<EpochRow>& rows) const;
};

/// The multiples of the step in an axis; counted, so that it always ends.
std::vector<double> ticks(const Axis& axis) {
  const double first = std::ceil(axis.low / axis.step - 1e-6);
  std::vector<double> values;
  for (int i = 0; i < 20; ++i) {
    // Adding 0 turns -0 into 0.
    const double value = (first + i) * axis.step + 0.0;
    if (value > axis.high + axis.step * 1e-6) {
      break;
    }
    values.push_back(value);
  }
  return values;
}

std::string Canvas::axes() const {
  std::string svg;
  for (const double tick : ticks(up)) {
    svg += line(kLeft, y(tick), kRight, y(tick), "tick");
    svg += text(kLeft - 7, y(tick) + 4, "end", number(tick));
  }
  for (const double tick : ticks(across)) {
    svg += line(x(tick), kBottom, x(tick), kBottom + 5, "tick");
    svg += text(x(tick), kBottom + 19, "middle", number(tick, 0));
  }
  svg += line(kLeft, kBottom, kRight, kBottom, "axis");
  return svg + text((kLeft + kRight) / 2, kBottom + 35, "middle", "epoch");
}

std::string Canvas::curve(const Series& series,
                          const std::vector<EpochRow>& rows) const {
  std::string svg;
  std::string points;
  size_t count = 0;
  const auto close = [&] {
    // A lone point is a line of no length, which its round caps make a dot.
    svg += count == 0 ? ""
                      : cat({"<polyline class=\"", series.style,
                             count == 1 ? " dot\" points=\"" : "\" points=\"",
                             points, count == 1 ? points : "", "\"/>\n"});
    points.clear();
    count = 0;
  };
  for (const auto& row : rows) {
    if (!drawable(row.*series.value)) {
      close();
      continue;
    }
    // What lies outside the axis leaves the picture at its upper edge.
    const double height = std::max(y(row.*series.value), kEdge);
    points += cat({number(x(static_cast<double>(row.epoch)), 1), ",",
                   number(height, 1), " "});
    ++count;
  }
  close();
  return svg;
}

/// An unseen strip over each epoch, whose tooltip tells its values.
std::string tooltips(const Plot& plot, const Canvas& canvas,
                     const std::vector<EpochRow>& rows) {
  const double width = (Canvas::kRight - Canvas::kLeft) /
                       static_cast<double>(std::max<size_t>(rows.size(), 2));
  std::string svg;
  for (const auto& row : rows) {
    const double x = canvas.x(static_cast<double>(row.epoch)) - width / 2;
    svg += cat({"<rect class=\"over\" x=\"", number(x, 2), "\" y=\"",
                number(Canvas::kTop, 0), "\" width=\"", number(width, 2),
                "\" height=\"", number(Canvas::kBottom - Canvas::kTop, 0),
                "\"><title>epoch ", std::to_string(row.epoch)});
    for (const auto& series : plot.series) {
      svg += cat({"\n", series.name, " ", number(row.*series.value)});
    }
    svg += "</title></rect>\n";
  }
  return svg;
}

/// Names the values that the axis leaves out; "" where it holds them all.
std::string outside(const Plot& plot, const Axis& axis,
                    const std::vector<EpochRow>& rows) {
  std::string text;
  for (const auto& row : rows) {
    for (const auto& series : plot.series) {
      const double value = row.*series.value;
      if (!drawable(value) || value <= axis.high) continue;
      text +=
          cat({text.empty() ? "outside the picture: " : ", ", series.name, " ",
               number(value), " in epoch ", std::to_string(row.epoch)});
    }
  }
  return text.empty() ? "" : cat({"<p>", text, "</p>"});
}

std::string figure(const Plot& plot, const RunReport& report) {
  const auto& rows = report.rows;
  const Canvas canvas{epoch_axis(rows), value_axis(plot, rows)};
  std::string html =
      cat({"<figure class=\"card\"><figcaption><h2>", plot.title, "</h2>"});
  const auto key = [](std::string_view style, std::string_view name) {
    return cat({"<span class=\"key ", style, "\">", name, "</span>"});
  };
  std::string svg = canvas.axes();
  std::string best;
  if (std::ranges::count(rows, report.best_epoch, &EpochRow::epoch) > 0) {
    const double x = canvas.x(static_cast<double>(report.best_epoch));
    svg += Canvas::line(x, Canvas::kTop, x, Canvas::kBottom, "best");
    best = key("best", "best");
  }
  std::string label;
  for (const auto& series : plot.series) {
    html += key(series.style, series.name);
    label +=
        cat({", ", series.name, " from ", number(rows.front().*series.value),
             " to ", number(rows.back().*series.value)});
    svg += canvas.curve(series, rows);
  }
  return cat({html, best, "</figcaption>", outside(plot, canvas.up, rows),
              "\n<svg viewBox=\"0 0 420 254\" role=\"img\" ", "aria-label=\"",
              plot.title, " by epoch", label, "\">\n", svg,
              tooltips(plot, canvas, rows), "</svg></figure>\n"});
}

}  // namespace

std::string curves(const RunReport& report) {
  const double no_limit = std::numeric_limits<double>::infinity();
  const std::vector<Plot> plots = {
      {"Loss",
       {{"train", "train", &EpochRow::train_loss},
        {"validation", "val", &EpochRow::val_loss}},
       no_limit,
       true},
      {"Top-1 (%)",
       {{"train", "train", &EpochRow::train_top1},
        {"validation", "val", &EpochRow::val_top1}},
       100},
      {"Learning rate", {{"rate", "val", &EpochRow::lr}}, no_limit}};
  std::string html = "<div class=\"grid plots\">\n";
  for (const auto& plot : plots) {
    html += figure(plot, report);
  }
  return html + "</div>\n";
}

}  // namespace skipzoo
