#include "tools/report/lines.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <utility>

#include "tools/report/html.h"

namespace skipzoo {

namespace {

/// Dashes of the lines, in their order.
constexpr const char* kDashes[] = {"none", "6 4",      "1.5 4.5",
                                   "12 4", "12 4 2 4", "3 2"};
constexpr size_t kStyles = std::size(kDashes);

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

Axis axis_of(const std::vector<Line>& lines, double Point::*value) {
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
std::string line_readings(const Canvas& canvas, const std::string& across,
                          const std::vector<Line>& lines) {
  std::map<double, std::string> texts;
  for (const auto& line : lines) {
    for (const auto& point : line.points) {
      auto& text = texts[point.x];
      if (text.empty()) text = across + " " + number(point.x, 0);
      text += "\n" + escaped(line.name) + " " + number(point.y);
    }
  }
  std::vector<Reading> readings;
  for (auto& [x, text] : texts) readings.push_back({x, std::move(text)});
  return canvas.readings(readings);
}

}  // namespace

std::string lines_figure(const std::string& title, const std::string& across,
                         const std::vector<Line>& lines) {
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
                svg + line_readings(canvas, across, lines));
}

std::string line_styles() {
  std::string css =
      ":root{--k2:#0a7d4f;--k3:#a3348c;--k4:#7a5c00;--k5:#59616b}"
      "@media screen and (prefers-color-scheme:dark){:root{--k2:#4fd39b;"
      "--k3:#f08fd8;--k4:#d9b84a;--k5:#b4bcc6}}"
      ".line-key{font-size:13px;color:var(--soft);white-space:nowrap}"
      ".line-key svg{display:inline-block;width:36px;margin:0 6px 0 0;"
      "vertical-align:middle}";
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
