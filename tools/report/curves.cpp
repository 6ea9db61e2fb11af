#include "tools/report/curves.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/report/html.h"
#include "tools/report/plot.h"

namespace skipzoo {
namespace {

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
  widen_if_flat(low, high);
  if (plot.cuts_outliers) high = usual_high(plot, rows, low, high);
  return round_axis(low, high, plot.limit);
}

Axis epoch_axis(const std::vector<EpochRow>& rows) {
  const auto first = static_cast<double>(rows.front().epoch);
  const auto last = static_cast<double>(rows.back().epoch);
  if (!(last > first)) {
    return {first - 0.5, first + 0.5, 1};
  }
  return {first, last, std::max(1.0, nice_step(last - first))};
}

std::vector<Point> points_of(const Series& series,
                             const std::vector<EpochRow>& rows) {
  std::vector<Point> points;
  for (const auto& row : rows) {
    points.push_back({static_cast<double>(row.epoch), row.*series.value});
  }
  return points;
}

/// Over each epoch, what its values are.
std::string tooltips(const Plot& plot, const Canvas& canvas,
                     const std::vector<EpochRow>& rows) {
  std::vector<Reading> all;
  for (const auto& row : rows) {
    std::string text = cat({"epoch ", std::to_string(row.epoch)});
    for (const auto& series : plot.series) {
      text += cat({"\n", series.name, " ", number(row.*series.value)});
    }
    all.push_back({static_cast<double>(row.epoch), std::move(text)});
  }
  return canvas.readings(all);
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

std::string figure_of(const Plot& plot, const RunReport& report) {
  const auto& rows = report.rows;
  const Canvas canvas{epoch_axis(rows), value_axis(plot, rows)};
  std::string svg =
      canvas.axes("epoch", [](double epoch) { return number(epoch, 0); });
  std::string best;
  if (std::ranges::count(rows, report.best_epoch, &EpochRow::epoch) > 0) {
    svg += canvas.mark(static_cast<double>(report.best_epoch), "best");
    best = legend("best", "best");
  }
  std::string keys;
  std::string label = cat({plot.title, " by epoch"});
  for (const auto& series : plot.series) {
    keys += legend(series.style, series.name);
    label +=
        cat({", ", series.name, " from ", number(rows.front().*series.value),
             " to ", number(rows.back().*series.value)});
    svg += canvas.curve(series.style, points_of(series, rows));
  }
  return figure(plot.title, keys + best, outside(plot, canvas.up, rows), label,
                svg + tooltips(plot, canvas, rows));
}

}  // namespace

std::string curves(const RunReport& report) {
  const double no_limit = std::numeric_limits<double>::infinity();
  const bool several = !report.labels.empty();
  std::vector<Plot> plots = {
      {"Loss",
       {{"train", "train", &EpochRow::train_loss},
        {"validation", "val", &EpochRow::val_loss}},
       no_limit,
       true},
      {several ? "First-ranked class is a label (%)" : "Top-1 (%)",
       {{"train", "train", &EpochRow::train_top1},
        {"validation", "val", &EpochRow::val_top1}},
       100},
      {"Learning rate", {{"rate", "val", &EpochRow::lr}}, no_limit}};
  if (several) {
    plots.insert(plots.begin() + 1,
                 {"Mean average precision (%)",
                  {{"validation", "val", &EpochRow::val_map}},
                  100});
  }
  std::string html = "<div class=\"grid plots\">\n";
  for (const auto& plot : plots) {
    html += figure_of(plot, report);
  }
  return html + "</div>\n";
}

}  // namespace skipzoo
