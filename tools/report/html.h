#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace skipzoo {

/// The parts, one after the other.
std::string cat(std::initializer_list<std::string_view> parts);

/// Text as it may stand in an element or in a quoted attribute.
std::string escaped(std::string_view text);

/// `digits` decimals, or four significant digits for a number out of scale
/// and where `digits` is negative.
std::string number(double value, int digits = -1);

/// Two decimals and a sign, e.g. "91.25%".
std::string percent(double value);

/// A card that opens at a click, or is open from the start.
std::string folded(std::string_view name, bool open, std::string_view content);

/// A table that scrolls, of one row of header cells and any rows of a body.
/// caption: HTML that names it for who cannot see what stands above it.
std::string table(std::string_view style, std::string_view caption,
                  std::string_view head, std::string_view body);

/// The first, unlike the others, heads a column of names.
std::string header_cells(const std::vector<std::string_view>& names);

std::string cell(const std::string& text);

/// A card of one fact: a name, a value in large letters, and a note of HTML.
std::string fact(std::string_view name, std::string_view value,
                 std::string_view note);

/// A file's bytes as what an image's src may name; type: "image/png".
std::string data_uri(std::string_view type, std::string_view bytes);

/// A config as YAML, folded.
std::string configuration(std::string_view yaml);

/// A whole page in the style of all reports, which fetches nothing. `content`
/// is HTML; title and the line below it are text.
std::string page(std::string_view title, std::string_view below,
                 std::string_view content);

}  // namespace skipzoo
