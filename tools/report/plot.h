#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace skipzoo {

// What the curves of all reports are drawn with: inline SVG, in the style of
// page() (html.h).

/// A scale with a tick at every multiple of `step`.
struct Axis {
  double low = 0;
  double high = 1;
  double step = 0.2;
};

/// What fits a picture: a diverged loss leaves a gap, as does nan.
bool drawable(double value);
/// 1, 2 or 5 times a power of ten, for about five ticks.
double nice_step(double range);
/// Gives a range that is none a margin on both sides.
void widen_if_flat(double& low, double& high);
/// A range between round numbers, and no further than `limit`.
Axis round_axis(double low, double high, double limit);

struct Point {
  double x = 0;
  double y = 0;  ///< What is not drawable() leaves a gap.
};

/// From where to where something lies, at a place across.
struct Span {
  double x = 0;
  double low = 0;  ///< As high, not drawable(): a gap.
  double high = 0;
};

/// What a figure's lines have at a place across.
struct Reading {
  double across = 0;
  std::string what;  ///< Lines of HTML, parted by "\n".
};

/// Draws into a box of 420 x 250; y grows downwards, as SVG has it.
struct Canvas {
  static constexpr double kLeft = 50, kRight = 408, kTop = 10, kBottom = 214;
  static constexpr double kEdge = 2;  ///< Above the top: beyond the axis.
  Axis across;
  Axis up;
  double right = kRight;  ///< Where the axis across ends.

  double x(double value) const;
  double y(double value) const;
  static std::string line(double x1, double y1, double x2, double y2,
                          std::string_view style);
  static std::string text(double x, double y, std::string_view anchor,
                          std::string_view what);
  /// Both axes; name: of the one across, whose ticks read as `label` says.
  std::string axes(std::string_view name,
                   const std::function<std::string(double)>& label) const;
  /// style: the CSS class of its line.
  std::string curve(std::string_view style,
                    const std::vector<Point>& points) const;
  /// The area between two lines; style: its CSS class.
  std::string band(std::string_view style,
                   const std::vector<Span>& spans) const;
  /// A line from top to bottom.
  std::string mark(double value, std::string_view style) const;
  /// Unseen strips around places in equal distances, each with a box of what is
  /// there, which shows below the pointer and, of some, at the tab key. Of very
  /// many places every few have a strip.
  std::string readings(const std::vector<Reading>& all) const;
};

/// A word of a figure's key, in the style of what it names.
std::string legend(std::string_view style, std::string_view name);
/// A card with a canvas in it. keys and notes: HTML; label: says in words what
/// is to be seen.
std::string figure(std::string_view title, std::string_view keys,
                   std::string_view notes, std::string_view label,
                   std::string_view drawing);

}  // namespace skipzoo
