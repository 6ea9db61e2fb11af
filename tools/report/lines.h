#pragma once

#include <limits>
#include <string>
#include <vector>

#include "tools/report/plot.h"

namespace skipzoo {

/// A curve among others of one figure.
struct Line {
  std::string name;           ///< Text, not HTML.
  std::vector<Point> points;  ///< None: left out, but keeps its style.
};

/// Lines over each other, told apart by their dashes as well as by colour, with
/// a key; where the pointer is, what all have there.
struct LinesFigure {
  std::string title;   ///< HTML, as across and notes.
  std::string across;  ///< A number that counts, such as an epoch.
  std::string notes = {};
  std::vector<Line> lines;
  /// From where to where others lie, drawn below the lines; empty: none.
  std::vector<Span> band = {};
  std::string band_name = {};  ///< Text.
  /// The most that the axis may show: 100 for percents.
  double limit = std::numeric_limits<double>::infinity();
  /// Each line has its name at its right end, instead of in the key.
  bool names_at_ends = false;
};

/// A piece of the line of that number and its name, which is text, as in a key.
std::string line_key(size_t number, const std::string& name);
/// That as a card.
std::string lines_figure(const LinesFigure& figure);
/// The same of lines alone.
std::string lines_figure(const std::string& title, const std::string& across,
                         const std::vector<Line>& lines);

/// CSS rules of those lines, without the element.
std::string line_styles();

}  // namespace skipzoo
