#include "tools/study/contours.h"

#include <algorithm>
#include <cmath>

#include "tools/report/html.h"

namespace skipzoo {

namespace {

/// A square box in the middle of a figure.
constexpr double kBoxLeft = 118, kBoxTop = 10, kBoxSide = 204;

double box_x(double place) { return kBoxLeft + (place + 1) / 2 * kBoxSide; }
double box_y(double place) { return kBoxTop + (1 - place) / 2 * kBoxSide; }

std::string dot(double x, double y) {
  return cat({"<polyline class=\"dot\" points=\"", number(x, 1), ",",
              number(y, 1), " ", number(x, 1), ",", number(y, 1), "\"/>"});
}

/// One line of SVG for a level, and its loss on it, where it lies in that
/// direction from the middle: lines next to each other have theirs apart.
std::string level_of(const LossSurface& surface, double level, double angle) {
  const auto segments = contour(surface, level);
  if (segments.empty()) return "";
  std::string path;
  const Segment* labelled = &segments.front();
  const auto nearness = [&](const Segment& piece) {
    const double length = std::hypot(piece.from.x, piece.from.y);
    return length > 0 ? (piece.from.x * std::cos(angle) +
                         piece.from.y * std::sin(angle)) /
                            length
                      : -1;
  };
  for (const auto& piece : segments) {
    path +=
        cat({"M", number(box_x(piece.from.x), 1), " ",
             number(box_y(piece.from.y), 1), "L", number(box_x(piece.to.x), 1),
             " ", number(box_y(piece.to.y), 1)});
    if (nearness(piece) > nearness(*labelled)) labelled = &piece;
  }
  return cat({"<path class=\"contour\" d=\"", path, "\"><title>loss ",
              number(level), "</title></path>\n",
              Canvas::text(box_x(labelled->from.x), box_y(labelled->from.y) + 4,
                           "middle", number(level))});
}

std::string surface_table(const LossSurface& surface) {
  constexpr int64_t kColumns = 11;
  const int64_t step =
      std::max<int64_t>(1, (surface.points - 1) / (kColumns - 1));
  std::string head = "<th scope=\"col\" class=\"name\">second \\ first</th>",
              body;
  for (int64_t a = 0; a < surface.points; a += step) {
    head += cat({"<th scope=\"col\">", number(surface.place(a), 2), "</th>"});
  }
  for (int64_t b = surface.points - 1; b >= 0; b -= step) {
    body +=
        cat({"<tr><th scope=\"row\">", number(surface.place(b), 2), "</th>"});
    for (int64_t a = 0; a < surface.points; a += step) {
      body += cell(number(surface.at(a, b)));
    }
    body += "</tr>\n";
  }
  return cat({"<details><summary>as numbers</summary>",
              table("rows", "Loss by both directions", head, body),
              "</details>"});
}

}  // namespace

std::vector<Segment> contour(const LossSurface& surface, double level) {
  std::vector<Segment> segments;
  for (int64_t b = 0; b + 1 < surface.points; ++b) {
    for (int64_t a = 0; a + 1 < surface.points; ++a) {
      // Around the square: its corners, and where the level crosses its sides.
      const int64_t corners[][2] = {
          {a, b}, {a + 1, b}, {a + 1, b + 1}, {a, b + 1}};
      std::vector<Point> crossings;
      bool is_finite = true;
      for (int i = 0; i < 4; ++i) {
        const auto& p = corners[i];
        const auto& q = corners[(i + 1) % 4];
        const double from = surface.at(p[0], p[1]);
        const double to = surface.at(q[0], q[1]);
        is_finite = is_finite && std::isfinite(from);
        if ((from < level) == (to < level)) continue;
        const double part = (level - from) / (to - from);
        const auto between = [&](int64_t first, int64_t last) {
          const double start = surface.place(first);
          return start + part * (surface.place(last) - start);
        };
        crossings.push_back({between(p[0], q[0]), between(p[1], q[1])});
      }
      if (!is_finite) continue;
      // Two, or at a saddle four: then neighbouring ones belong together.
      for (size_t i = 0; i + 1 < crossings.size(); i += 2) {
        segments.push_back({crossings[i], crossings[i + 1]});
      }
    }
  }
  return segments;
}

std::vector<double> contour_levels(const LossSurface& surface) {
  constexpr int kLevels = 8;
  // What lies further up than this, or less than that, is no basin.
  constexpr double kMostRatio = 1e4, kLeast = 0.01;
  double low = INFINITY, high = 0;
  for (const double loss : surface.loss) {
    if (!std::isfinite(loss) || loss <= 0) continue;
    low = std::min(low, loss);
    high = std::max(high, loss);
  }
  std::vector<double> levels;
  if (!(high > low)) return levels;
  low = std::max(low, std::min(kLeast, high / 10));
  high = std::min(high, low * kMostRatio);
  for (int i = 1; i <= kLevels; ++i) {
    const double level = low * std::pow(high / low, i / (kLevels + 1.));
    const double unit = std::pow(10, std::floor(std::log10(level)) - 1);
    levels.push_back(std::round(level / unit) * unit);
  }
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  return levels;
}

std::string contour_figure(const std::string& title,
                           const LossSurface& surface) {
  const double right = kBoxLeft + kBoxSide, bottom = kBoxTop + kBoxSide;
  std::string svg;
  for (const double at : {kBoxLeft, right}) {
    svg += Canvas::line(at, kBoxTop, at, bottom, "axis");
  }
  for (const double at : {kBoxTop, bottom}) {
    svg += Canvas::line(kBoxLeft, at, right, at, "axis");
  }
  double angle = 0;
  for (const double level : contour_levels(surface)) {
    svg += level_of(surface, level, angle);
    angle += 2.4;  // The golden angle: no two lie in one direction.
  }
  svg += dot(box_x(0), box_y(0));
  for (const int place : {-1, 0, 1}) {
    svg += Canvas::text(box_x(place), bottom + 19, "middle",
                        std::to_string(place));
  }
  svg += Canvas::text(box_x(0), bottom + 35, "middle",
                      "first direction (the second upwards)");
  const double middle = surface.at(surface.points / 2, surface.points / 2);
  const auto highest = *std::ranges::max_element(surface.loss);
  auto html =
      figure(escaped(title), "", "",
             cat({"Loss around the weights of ", escaped(title), ": ",
                  number(middle), " in the middle, up to ", number(highest)}),
             svg);
  html.insert(html.rfind("</figure>"), cat({"<p>", number(middle),
                                            " in the middle, where the trained "
                                            "weights are; ",
                                            number(highest), " at the most</p>",
                                            surface_table(surface)}));
  return html;
}

}  // namespace skipzoo
