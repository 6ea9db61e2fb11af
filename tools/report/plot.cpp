#include "tools/report/plot.h"

#include <algorithm>
#include <cmath>

#include "tools/report/html.h"

namespace skipzoo {

bool drawable(double value) { return std::abs(value) < 1e100; }

double nice_step(double range) {
  const double power = std::pow(10, std::floor(std::log10(range / 5)));
  const double ratio = range / 5 / power;
  return power * (ratio < 1.01 ? 1 : ratio < 2.01 ? 2 : ratio < 5.01 ? 5 : 10);
}

void widen_if_flat(double& low, double& high) {
  if (high - low > 1e-9 * std::max(std::abs(high), 1e-30)) return;
  const double margin = std::abs(high) < 1e-30 ? 1 : std::abs(high) / 10;
  low = low < 0 ? low - margin : std::max(0.0, low - margin);
  high += margin;
}

Axis round_axis(double low, double high, double limit) {
  const double step = nice_step(high - low);
  return {std::floor(low / step) * step,
          std::min(std::ceil(high / step) * step, limit), step};
}

namespace {

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

}  // namespace

double Canvas::x(double value) const {
  return kLeft +
         (value - across.low) / (across.high - across.low) * (kRight - kLeft);
}

double Canvas::y(double value) const {
  return kBottom - (value - up.low) / (up.high - up.low) * (kBottom - kTop);
}

std::string Canvas::line(double x1, double y1, double x2, double y2,
                         std::string_view style) {
  return cat({"<line class=\"", style, "\" x1=\"", number(x1, 1), "\" y1=\"",
              number(y1, 1), "\" x2=\"", number(x2, 1), "\" y2=\"",
              number(y2, 1), "\"/>"});
}

std::string Canvas::text(double x, double y, std::string_view anchor,
                         std::string_view what) {
  return cat({"<text x=\"", number(x, 1), "\" y=\"", number(y, 1),
              "\" text-anchor=\"", anchor, "\">", what, "</text>\n"});
}

std::string Canvas::axes(
    std::string_view name,
    const std::function<std::string(double)>& label) const {
  std::string svg;
  for (const double tick : ticks(up)) {
    svg += line(kLeft, y(tick), kRight, y(tick), "tick");
    svg += text(kLeft - 7, y(tick) + 4, "end", number(tick));
  }
  for (const double tick : ticks(across)) {
    svg += line(x(tick), kBottom, x(tick), kBottom + 5, "tick");
    svg += text(x(tick), kBottom + 19, "middle", label(tick));
  }
  svg += line(kLeft, kBottom, kRight, kBottom, "axis");
  return svg + text((kLeft + kRight) / 2, kBottom + 35, "middle", name);
}

std::string Canvas::curve(std::string_view style,
                          const std::vector<Point>& points) const {
  std::string svg;
  std::string places;
  size_t count = 0;
  const auto close = [&] {
    // A lone point is a line of no length, which its round caps make a dot.
    svg += count == 0 ? ""
                      : cat({"<polyline class=\"", style,
                             count == 1 ? " dot\" points=\"" : "\" points=\"",
                             places, count == 1 ? places : "", "\"/>\n"});
    places.clear();
    count = 0;
  };
  for (const auto& point : points) {
    if (!drawable(point.y)) {
      close();
      continue;
    }
    // What lies outside the axis leaves the picture at its upper edge.
    const double height = std::max(y(point.y), kEdge);
    places += cat({number(x(point.x), 1), ",", number(height, 1), " "});
    ++count;
  }
  close();
  return svg;
}

std::string Canvas::mark(double value, std::string_view style) const {
  return line(x(value), kTop, x(value), kBottom, style);
}

std::string Canvas::tooltip(double value, double width,
                            std::string_view what) const {
  return cat({"<rect class=\"over\" x=\"", number(x(value) - width / 2, 2),
              "\" y=\"", number(kTop, 0), "\" width=\"", number(width, 2),
              "\" height=\"", number(kBottom - kTop, 0), "\"><title>", what,
              "</title></rect>\n"});
}

std::string legend(std::string_view style, std::string_view name) {
  return cat({"<span class=\"key ", style, "\">", name, "</span>"});
}

std::string figure(std::string_view title, std::string_view keys,
                   std::string_view notes, std::string_view label,
                   std::string_view drawing) {
  return cat({"<figure class=\"card\"><figcaption><h2>", title, "</h2>", keys,
              "</figcaption>", notes,
              "\n<svg viewBox=\"0 0 420 254\" role=\"img\" aria-label=\"",
              label, "\">\n", drawing, "</svg></figure>\n"});
}

}  // namespace skipzoo
