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
         (value - across.low) / (across.high - across.low) * (right - kLeft);
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
    svg += line(kLeft, y(tick), right, y(tick), "tick");
    svg += text(kLeft - 7, y(tick) + 4, "end", number(tick));
  }
  for (const double tick : ticks(across)) {
    svg += line(x(tick), kBottom, x(tick), kBottom + 5, "tick");
    svg += text(x(tick), kBottom + 19, "middle", label(tick));
  }
  svg += line(kLeft, kBottom, right, kBottom, "axis");
  return svg + text((kLeft + right) / 2, kBottom + 35, "middle", name);
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

std::string Canvas::band(std::string_view style,
                         const std::vector<Span>& spans) const {
  std::string svg, there, back;
  const auto close = [&] {
    if (there.empty()) return;
    svg += cat(
        {"<polygon class=\"", style, "\" points=\"", there, back, "\"/>\n"});
    there.clear();
    back.clear();
  };
  for (const auto& span : spans) {
    if (!drawable(span.low) || !drawable(span.high)) {
      close();
      continue;
    }
    const auto place = [&](double height) {
      return cat({number(x(span.x), 1), ",", number(y(height), 1), " "});
    };
    there += place(span.high);
    back = place(span.low) + back;
  }
  close();
  return svg;
}

namespace {

/// As wide as it is drawn: an entity is one letter, as is a letter of several
/// bytes.
size_t letters_in(std::string_view html) {
  size_t letters = 0;
  bool in_entity = false;
  for (const char c : html) {
    if (in_entity) {
      in_entity = c != ';';
      continue;
    }
    in_entity = c == '&';
    letters += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  }
  return letters;
}

std::vector<std::string_view> lines_in(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::string in_one_line(std::string_view text) {
  std::string line;
  for (const auto part : lines_in(text)) {
    line += cat({line.empty() ? "" : ", ", part});
  }
  return line;
}

/// A box with these lines, beside the place x where there is more room.
std::string tip(double x, std::string_view what) {
  constexpr double kLetter = 6.6, kLine = 15, kMargin = 7, kAway = 10,
                   kWidth = 420;
  const auto lines = lines_in(what);
  size_t longest = 0;
  for (const auto line : lines) longest = std::max(longest, letters_in(line));
  const double width = kLetter * static_cast<double>(longest) + 2 * kMargin;
  const double height = kLine * static_cast<double>(lines.size()) + kMargin;
  const bool is_left = x > kWidth / 2;
  const double left = std::clamp(is_left ? x - kAway - width : x + kAway, 0.0,
                                 std::max(0.0, kWidth - width));
  std::string svg =
      cat({"<g class=\"tip\"><rect x=\"", number(left, 1), "\" y=\"",
           number(Canvas::kTop, 0), "\" width=\"", number(width, 1),
           "\" height=\"", number(height, 1), "\" rx=\"4\"/><text>"});
  double y = Canvas::kTop;
  for (const auto line : lines) {
    y += kLine;
    svg += cat({"<tspan x=\"", number(left + kMargin, 1), "\" y=\"",
                number(y, 1), "\">", line, "</tspan>"});
  }
  return svg + "</text></g>";
}

}  // namespace

std::string Canvas::mark(double value, std::string_view style) const {
  return line(x(value), kTop, x(value), kBottom, style);
}

std::string Canvas::readings(const std::vector<Reading>& all) const {
  constexpr size_t kMostStrips = 120, kMostStops = 16;
  const auto shares = [](size_t count, size_t most) {
    return std::max<size_t>((count + most - 1) / most, 1);
  };
  const size_t every = shares(all.size(), kMostStrips);
  const size_t strips = (all.size() + every - 1) / every;
  const size_t stop = shares(strips, kMostStops);
  const double width =
      (right - kLeft) / static_cast<double>(std::max<size_t>(strips, 2));
  std::string svg;
  for (size_t i = 0; i < strips; ++i) {
    const auto& [across_at, what] = all[i * every];
    const double middle = x(across_at);
    const bool stops = i % stop == 0;
    svg += cat({"<g class=\"spot\"",
                stops ? cat({" tabindex=\"0\" role=\"img\" aria-label=\"",
                             in_one_line(what), "\""})
                      : std::string(),
                "><rect class=\"over\" x=\"", number(middle - width / 2, 2),
                "\" y=\"", number(kTop, 0), "\" width=\"", number(width, 2),
                "\" height=\"", number(kBottom - kTop, 0), "\"/>",
                tip(middle, what), "</g>\n"});
  }
  return svg;
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
