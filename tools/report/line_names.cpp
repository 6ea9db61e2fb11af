#include "tools/report/line_names.h"

#include <algorithm>

#include "tools/report/html.h"
#include "tools/report/plot.h"

namespace skipzoo {

namespace {

constexpr double kApart = 13;  ///< Lines of letters.

/// Moves what is in order of height apart, and no further down than the axis.
std::vector<double> heights_apart(const std::vector<LineEnd>& ends) {
  std::vector<double> heights;
  for (const auto& end : ends) {
    const double least =
        heights.empty() ? Canvas::kTop : heights.back() + kApart;
    heights.push_back(std::max(end.y, least));
  }
  double most = Canvas::kBottom;
  for (auto height = heights.rbegin(); height != heights.rend(); ++height) {
    *height = std::min(*height, most);
    most = *height - kApart;
  }
  return heights;
}

}  // namespace

std::string line_names(std::vector<LineEnd> ends, double right) {
  constexpr double kLeader = 12, kGap = 4, kHalfALetter = 4;
  constexpr size_t kMostLetters = 11;
  std::ranges::stable_sort(ends, {}, &LineEnd::y);
  const auto heights = heights_apart(ends);
  std::string svg;
  for (size_t i = 0; i < ends.size(); ++i) {
    const auto& [name, style, x, y] = ends[i];
    svg += cat({"<polyline class=\"", style, "\" points=\"", number(x, 1), ",",
                number(y, 1), " ", number(right + kLeader, 1), ",",
                number(heights[i], 1), "\"/><text class=\"end-name\" x=\"",
                number(right + kLeader + kGap, 1), "\" y=\"",
                number(heights[i] + kHalfALetter, 1), "\">",
                escaped(shortened(name, kMostLetters)), "</text>\n"});
  }
  return svg;
}

std::string shortened(std::string_view text, size_t letters) {
  size_t begun = 0, end_of_last = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    // Bytes that go on with a letter belong to the one before them.
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (++begun == letters) end_of_last = i;
    if (begun > letters) {
      return std::string(text.substr(0, end_of_last)) + "…";
    }
  }
  return std::string(text);
}

}  // namespace skipzoo
