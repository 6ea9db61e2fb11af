#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace skipzoo {

/// Where a line of a figure ends, in its picture.
struct LineEnd {
  std::string name;   ///< Text, not HTML.
  std::string style;  ///< The CSS class of the line.
  double x = 0;
  double y = 0;
};

/// How much of a picture's width these names take beside an axis.
double room_for_names(const std::vector<std::string>& names);
/// The names to the right of `right`, each behind a piece of its line, as high
/// as that ends or, where others are there, near it and apart from them. As
/// SVG.
std::string line_names(std::vector<LineEnd> ends, double right);

/// As many letters of a text as a box of values has room for.
constexpr size_t kMostLettersOfTip = 24;
/// A text of at most so many letters of UTF-8, the last of a longer one "…".
std::string shortened(std::string_view text, size_t letters);

}  // namespace skipzoo
