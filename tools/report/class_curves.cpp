#include "tools/report/class_curves.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "tools/report/html.h"
#include "tools/report/lines.h"

namespace skipzoo {
namespace {

constexpr size_t kMostLines = 10;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// Which classes have a line of their own.
struct ClassesShown {
  std::vector<size_t> lines;
  std::vector<size_t> others;
  size_t without_pictures = 0;  ///< Neither, in the last epoch.
};

ClassesShown shown_of(const std::vector<double>& last) {
  ClassesShown shown;
  auto& lines = shown.lines;
  for (size_t c = 0; c < last.size(); ++c) {
    if (std::isfinite(last[c])) lines.push_back(c);
  }
  shown.without_pictures = last.size() - lines.size();
  if (lines.size() <= kMostLines) return shown;
  std::ranges::stable_sort(lines, {}, [&](size_t c) { return last[c]; });
  constexpr auto kHalf = static_cast<std::ptrdiff_t>(kMostLines / 2);
  shown.others.assign(lines.begin() + kHalf, lines.end() - kHalf);
  lines.erase(lines.begin() + kHalf, lines.end() - kHalf);
  return shown;
}

/// nan where an epoch is of an older version, or of other classes.
double value_of_class(const std::vector<double>& values, size_t c) {
  return c < values.size() ? values[c] : kUnknown;
}

Line line_of_class(const RunReport& report, const ClassSeries& series,
                   size_t c) {
  Line line{c < report.classes.size() ? report.classes[c]
                                      : "class " + std::to_string(c),
            {}};
  for (const auto& row : report.rows) {
    line.points.push_back({static_cast<double>(row.epoch),
                           value_of_class(row.*series.values, c)});
  }
  return line;
}

std::vector<Span> band_of(const RunReport& report, const ClassSeries& series,
                          const std::vector<size_t>& classes) {
  std::vector<Span> band;
  if (classes.empty()) return band;
  for (const auto& row : report.rows) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const size_t c : classes) {
      const double value = value_of_class(row.*series.values, c);
      if (std::isnan(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
    band.push_back({static_cast<double>(row.epoch), low > high ? kUnknown : low,
                    low > high ? kUnknown : high});
  }
  return band;
}

std::string words_of(const ClassesShown& shown) {
  std::string words;
  if (!shown.others.empty()) {
    words =
        cat({"Of ", std::to_string(shown.lines.size() + shown.others.size()),
             " classes the five lowest and the five highest in the last "
             "epoch; the grey band reaches from the lowest to the highest "
             "of the others. "});
  }
  if (shown.without_pictures > 0) {
    words += cat({"Classes without a picture to validate on: ",
                  std::to_string(shown.without_pictures), ". "});
  }
  return words.empty() ? "" : cat({"<p>", words, "</p>"});
}

/// What a line begins and ends with, and its best.
std::string row_of_line(size_t number, const Line& line) {
  const Point* best = nullptr;
  for (const auto& point : line.points) {
    if (!std::isfinite(point.y)) continue;
    if (best == nullptr || point.y > best->y) best = &point;
  }
  if (best == nullptr) return "";
  return cat({"<tr><th scope=\"row\">", line_key(number, line.name), "</th>",
              cell(percent(line.points.back().y)),
              cell(percent(line.points.front().y)), cell(percent(best->y)),
              cell(skipzoo::number(best->x, 0)), "</tr>\n"});
}

/// The lines in numbers, the lowest in the last epoch first.
std::string numbers_of_classes(const LinesFigure& figure) {
  std::vector<size_t> order(figure.lines.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) {
    const double last = figure.lines[i].points.back().y;
    return std::isfinite(last) ? last : -1;
  });
  std::string body;
  for (const size_t i : order) body += row_of_line(i, figure.lines[i]);
  if (!figure.band.empty()) {
    const auto& [epoch, low, high] = figure.band.back();
    body += cat({"<tr><th scope=\"row\">", figure.band_name, "</th>",
                 cell(cat({number(low, 2), " to ", percent(high)})), cell(""),
                 cell(""), cell(""), "</tr>\n"});
  }
  const auto title = figure.title + " in numbers";
  return cat({"<section class=\"card\"><h2>", title, "</h2>",
              table("rows", title,
                    header_cells({"Class", "Last epoch", "First epoch", "Best",
                                  "Epoch of best"}),
                    body),
              "</section>\n"});
}

/// "" where no epoch has it.
std::string figure_of_classes(const RunReport& report,
                              const ClassSeries& series) {
  const std::vector<double>* last = nullptr;
  for (const auto& row : report.rows) {
    if (!(row.*series.values).empty()) last = &(row.*series.values);
  }
  if (last == nullptr) return "";
  const auto shown = shown_of(*last);
  if (shown.lines.empty()) return "";
  LinesFigure figure{
      .title = std::string(series.title),
      .across = "epoch",
      .notes = words_of(shown),
      .lines = {},
      .band = band_of(report, series, shown.others),
      .band_name =
          "the other " + std::to_string(shown.others.size()) + " classes",
      .limit = 100,
      .names_at_ends = true};
  for (const size_t c : shown.lines) {
    figure.lines.push_back(line_of_class(report, series, c));
  }
  return cat({"<div class=\"grid plots\">\n", lines_figure(figure),
              numbers_of_classes(figure), "</div>\n"});
}

}  // namespace

std::string class_curves(const RunReport& report) {
  std::string html;
  for (const auto& series : class_series()) {
    html += figure_of_classes(report, series);
  }
  if (html.empty()) return "";
  return cat({"<style>", line_styles(), "</style>\n", html});
}

}  // namespace skipzoo
