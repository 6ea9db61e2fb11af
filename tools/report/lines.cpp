#include "tools/report/lines.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <utility>

#include "tools/report/html.h"
#include "tools/report/line_names.h"

namespace skipzoo {

namespace {

/// Dashes of the lines, in their order.
constexpr const char* kDashes[] = {"none",     "6 4",         "1.5 4.5", "12 4",
                                   "12 4 2 4", "4 8",         "1 9",     "9 9",
                                   "22 5",     "14 4 2 4 2 4"};
constexpr size_t kStyles = std::size(kDashes);

std::string style_of(size_t number) {
  return "k" + std::to_string(number % kStyles);
}

std::string key_of(std::string_view drawing, const std::string& name) {
  return cat(
      {"<span class=\"line-key\"><svg viewBox=\"0 0 40 8\" "
       "aria-hidden=\"true\">",
       drawing, "</svg>", escaped(name), "</span>"});
}

/// The lowest and the highest of some values.
struct Extent {
  void add(double value) {
    if (!drawable(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  Axis axis(double limit) {
    if (low > high) return {};
    widen_if_flat(low, high);
    return round_axis(low, high, limit);
  }

  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
};

/// As wide as the lines, which so end where it does.
Axis axis_across(const LinesFigure& figure) {
  Extent extent;
  for (const auto& line : figure.lines) {
    for (const auto& point : line.points) extent.add(point.x);
  }
  const auto [low, high] = extent;
  if (low > high) return {};
  if (!(high > low)) return {low - 0.5, high + 0.5, 1};
  return {low, high, std::max(1., nice_step(high - low))};
}

Axis axis_up(const LinesFigure& figure) {
  Extent extent;
  for (const auto& line : figure.lines) {
    for (const auto& point : line.points) extent.add(point.y);
  }
  for (const auto& span : figure.band) {
    extent.add(span.low);
    extent.add(span.high);
  }
  return extent.axis(figure.limit);
}

/// Over each place across, what all lines have there.
std::string line_readings(const Canvas& canvas, const LinesFigure& figure) {
  std::map<double, std::string> texts;
  for (const auto& line : figure.lines) {
    for (const auto& point : line.points) {
      auto& text = texts[point.x];
      if (text.empty()) text = figure.across + " " + number(point.x, 0);
      text += "\n" + escaped(shortened(line.name, kMostLettersOfTip)) + " " +
              number(point.y);
    }
  }
  for (const auto& [x, low, high] : figure.band) {
    const auto found = texts.find(x);
    if (found == texts.end() || !drawable(low)) continue;
    found->second += "\nothers " + number(low) + " to " + number(high);
  }
  std::vector<Reading> readings;
  for (auto& [x, text] : texts) readings.push_back({x, std::move(text)});
  return canvas.readings(readings);
}

/// The last point of a line that is drawn; its y is nan where there is none.
Point end_of(const Line& line) {
  for (auto point = line.points.rbegin(); point != line.points.rend();
       ++point) {
    if (drawable(point->y)) return *point;
  }
  return {0, std::numeric_limits<double>::quiet_NaN()};
}

/// The name of each line beside its end, with a piece of the line to it.
std::string names_of_ends(const Canvas& canvas, const LinesFigure& figure) {
  std::vector<LineEnd> ends;
  for (size_t i = 0; i < figure.lines.size(); ++i) {
    const auto [x, y] = end_of(figure.lines[i]);
    if (!drawable(y)) continue;
    ends.push_back({.name = figure.lines[i].name,
                    .style = style_of(i),
                    .x = canvas.x(x),
                    .y = canvas.y(y)});
  }
  return line_names(std::move(ends), canvas.right);
}

}  // namespace

std::string line_key(size_t number, const std::string& name) {
  return key_of(
      cat({"<polyline class=\"", style_of(number), "\" points=\"1,4 39,4\"/>"}),
      name);
}

std::string lines_figure(const LinesFigure& figure) {
  Canvas canvas{axis_across(figure), axis_up(figure)};
  if (figure.names_at_ends) {
    std::vector<std::string> names;
    for (const auto& line : figure.lines) names.push_back(line.name);
    canvas.right -= room_for_names(names);
  }
  std::string svg =
      canvas.axes(figure.across, [](double value) { return number(value, 0); });
  std::string keys, label = figure.title + " by " + figure.across;
  svg += canvas.band("band", figure.band);
  for (size_t i = 0; i < figure.lines.size(); ++i) {
    const auto& line = figure.lines[i];
    if (line.points.empty()) continue;
    if (!figure.names_at_ends) keys += line_key(i, line.name);
    svg += canvas.curve(style_of(i), line.points);
    label += ", " + escaped(line.name) + " from " +
             number(line.points.front().y) + " to " +
             number(line.points.back().y);
  }
  if (!figure.band.empty()) {
    keys += key_of("<rect class=\"band\" width=\"40\" height=\"8\"/>",
                   figure.band_name);
  }
  if (figure.names_at_ends) svg += names_of_ends(canvas, figure);
  return skipzoo::figure(figure.title, keys, figure.notes, label,
                         svg + line_readings(canvas, figure));
}

std::string lines_figure(const std::string& title, const std::string& across,
                         const std::vector<Line>& lines) {
  return lines_figure({.title = title, .across = across, .lines = lines});
}

std::string line_styles() {
  std::string css =
      ":root{--k2:#0a7d4f;--k3:#a3348c;--k4:#7a5c00;--k5:#59616b;--k6:#b3261e;"
      "--k7:#00738a;--k8:#5b3fd0;--k9:#8a4b2a}"
      "@media screen and (prefers-color-scheme:dark){:root{--k2:#4fd39b;"
      "--k3:#f08fd8;--k4:#d9b84a;--k5:#b4bcc6;--k6:#ff8f86;--k7:#4cc9e0;"
      "--k8:#b5a3ff;--k9:#e0a98a}}"
      ".line-key{font-size:13px;color:var(--soft);white-space:nowrap}"
      ".line-key svg{display:inline-block;width:36px;margin:0 6px 0 0;"
      "vertical-align:middle}.band{fill:rgba(128,140,160,.28);"
      "stroke:rgba(128,140,160,.28);stroke-width:2}"
      "svg .end-name{fill:var(--text)}svg .to-name{stroke:var(--soft)}"
      "th .line-key{color:inherit;font-size:inherit}"
      ".plots>section.card{margin-top:0}"
      ".plots>section thead th{white-space:normal}";
  for (size_t i = 0; i < kStyles; ++i) {
    const auto colour = i == 0   ? std::string("val")
                        : i == 1 ? std::string("train")
                                 : style_of(i);
    css += cat({"polyline.", style_of(i), "{stroke:var(--", colour,
                ");stroke-dasharray:", kDashes[i], "}"});
  }
  return css;
}

}  // namespace skipzoo
