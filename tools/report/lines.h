#pragma once

#include <string>
#include <vector>

#include "tools/report/plot.h"

namespace skipzoo {

/// A curve among others of one figure.
struct Line {
  std::string name;           ///< Text, not HTML.
  std::vector<Point> points;  ///< None: left out, but keeps its style.
};

/// A card of lines over each other, told apart by their dashes as well as by
/// colour, with a key; where the pointer is, what all have there. title and
/// across: HTML; across is a number that counts, such as an epoch.
std::string lines_figure(const std::string& title, const std::string& across,
                         const std::vector<Line>& lines);

/// CSS rules of those lines, without the element.
std::string line_styles();

}  // namespace skipzoo
