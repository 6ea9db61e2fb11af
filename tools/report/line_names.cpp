#include "tools/report/line_names.h"

#include <algorithm>

#include "tools/report/html.h"
#include "tools/report/plot.h"

namespace skipzoo {

namespace {

constexpr double kApart = 13;  ///< Lines of letters.
// From the end of the axis.
constexpr double kPieceAt = 10, kNameAt = 38;
constexpr size_t kMostLettersAtEnd = 11;

/// Bytes that go on with a letter of UTF-8 belong to the one before them.
bool begins_letter(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

size_t letters_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, begins_letter));
}

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

double room_for_names(const std::vector<std::string>& names) {
  constexpr double kLetter = 6.7;
  size_t longest = 0;
  for (const auto& name : names) {
    longest = std::max(longest, letters_of(shortened(name, kMostLettersAtEnd)));
  }
  return kNameAt + kLetter * static_cast<double>(longest);
}

std::string line_names(std::vector<LineEnd> ends, double right) {
  constexpr double kHalfALetter = 4;
  std::ranges::stable_sort(ends, {}, &LineEnd::y);
  const auto heights = heights_apart(ends);
  std::string svg;
  for (size_t i = 0; i < ends.size(); ++i) {
    const auto& [name, style, x, y] = ends[i];
    const auto height = number(heights[i], 1);
    svg += Canvas::line(x, y, right + kPieceAt - 2, heights[i], "to-name");
    svg += cat({"<polyline class=\"", style, "\" points=\"",
                number(right + kPieceAt, 1), ",", height, " ",
                number(right + kNameAt - 4, 1), ",", height,
                "\"/><text class=\"end-name\" x=\"", number(right + kNameAt, 1),
                "\" y=\"", number(heights[i] + kHalfALetter, 1), "\">",
                escaped(shortened(name, kMostLettersAtEnd)), "</text>\n"});
  }
  return svg;
}

std::string shortened(std::string_view text, size_t letters) {
  size_t begun = 0, end_of_last = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!begins_letter(text[i])) continue;
    if (++begun == letters) end_of_last = i;
    if (begun > letters) {
      return std::string(text.substr(0, end_of_last)) + "…";
    }
  }
  return std::string(text);
}

}  // namespace skipzoo
