#include "tools/report/lr_report.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>

#include "tools/report/html.h"
#include "tools/report/plot.h"

namespace skipzoo {
namespace {

/// Powers of ten across.
Axis rate_axis(const std::vector<LrPoint>& points) {
  double low = std::log10(points.front().lr);
  double high = std::log10(points.back().lr);
  if (!(high > low)) {
    low -= 0.5;
    high += 0.5;
  }
  return {low, high, std::max(1.0, nice_step(high - low))};
}

Axis loss_axis(const std::vector<LrPoint>& points) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const auto& point : points) {
    low = std::min(low, point.smoothed);
    high = std::max(high, point.smoothed);
  }
  widen_if_flat(low, high);
  return round_axis(low, high, std::numeric_limits<double>::infinity());
}

std::string words_of(const LrPoint& point) {
  return cat({"learning rate ", rate_text(point.lr), "\nsmoothed loss ",
              number(point.smoothed), "\nloss ", number(point.loss)});
}

std::string curve_of(const LrReport& report) {
  const auto& points = report.points;
  const Canvas canvas{rate_axis(points), loss_axis(points)};
  std::string svg = canvas.axes("learning rate", [](double power) {
    return rate_text(std::pow(10, power));
  });
  std::string keys = legend("val", "smoothed loss");
  std::string label = cat({"Smoothed loss by learning rate, from ",
                           number(points.front().smoothed), " to ",
                           number(points.back().smoothed)});
  if (report.suggested) {
    const double lr = points[*report.suggested].lr;
    svg += canvas.mark(std::log10(lr), "best");
    keys += legend("best", "suggestion");
    label += cat({", suggestion ", rate_text(lr)});
  }
  std::vector<Point> curve;
  for (const auto& point : points) {
    curve.push_back({std::log10(point.lr), point.smoothed});
  }
  svg += canvas.curve("val", curve);
  std::vector<Reading> readings;
  for (const auto& point : points) {
    readings.push_back({std::log10(point.lr), words_of(point)});
  }
  svg += canvas.readings(readings);
  return cat({"<div class=\"grid plots\">\n",
              figure("Loss", keys, "", label, svg), "</div>\n"});
}

std::string facts_of(const LrReport& report) {
  const auto& points = report.points;
  std::string html = "<div class=\"grid\">\n";
  html += report.suggested
              ? fact("Suggestion", rate_text(points[*report.suggested].lr),
                     "train.optimizer.lr<br>half way down the longest fall of "
                     "the loss")
              : fact("Suggestion", "none", "the loss does not fall");
  const auto best = std::ranges::min_element(points, {}, &LrPoint::smoothed);
  html += fact("Least loss", number(best->smoothed, 4),
               cat({"smoothed, at ", rate_text(best->lr)}));
  html += fact("Steps", std::to_string(points.size()),
               cat({"from ", rate_text(points.front().lr), " to ",
                    rate_text(points.back().lr),
                    report.diverged ? "<br>where the loss diverged" : ""}));
  return html + "</div>\n";
}

std::string steps_table(const LrReport& report) {
  std::string body;
  for (size_t i = 0; i < report.points.size(); ++i) {
    const auto& point = report.points[i];
    body += cat({report.suggested == i ? "<tr class=\"best\">" : "<tr>",
                 "<th scope=\"row\">", std::to_string(i + 1), "</th>",
                 cell(rate_text(point.lr)), cell(number(point.loss, 4)),
                 cell(number(point.smoothed, 4)), "</tr>\n"});
  }
  return folded(
      "Steps", false,
      table("rows", "Steps",
            header_cells({"Step", "Learning rate", "Loss", "Smoothed loss"}),
            body));
}

}  // namespace

std::string rate_text(double lr) {
  char text[32];
  constexpr int kDigits = 3;
  return {text, std::to_chars(text, std::end(text), lr,
                              std::chars_format::general, kDigits)
                    .ptr};
}

std::string lr_page(const LrReport& report) {
  return page(report.title, report.network,
              facts_of(report) + curve_of(report) + steps_table(report) +
                  configuration(report.config_yaml));
}

std::string lr_csv(const std::vector<LrPoint>& points) {
  std::string csv = "step,lr,loss,smoothed_loss\n";
  const auto append = [&](double value, char behind) {
    char text[32];  // The longest double, -2.2250738585072014e-308, is 24.
    csv.append(text, std::to_chars(text, std::end(text), value).ptr);
    csv += behind;
  };
  for (size_t i = 0; i < points.size(); ++i) {
    csv += std::to_string(i + 1) + ",";
    append(points[i].lr, ',');
    append(points[i].loss, ',');
    append(points[i].smoothed, '\n');
  }
  return csv;
}

}  // namespace skipzoo
