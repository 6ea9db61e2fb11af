#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skipzoo {

// Names as people's files and folders have them.

/// The text itself where it is UTF-8; else it is taken for Latin-1.
std::string as_utf8(const std::string& text);
/// A text file's bytes without a byte order mark; UTF-16, with its mark or
/// plainly that, becomes UTF-8.
std::string without_encoding(std::string bytes);
/// A name for a list of one name a line: line ends and backslashes become \n,
/// \r and \\, and back.
std::string on_one_line(const std::string& name);
std::string from_one_line(const std::string& line);
/// Letters of ASCII made small.
std::string in_small_letters(std::string text);
/// %41 becomes A, as in file:// addresses.
std::string without_percents(std::string_view text);

/// Whether two names of UTF-8 differ at most in how accents are written: one
/// code point for letter and accent (NFC), or one for each (NFD, as macOS
/// writes names). They look alike, and are not equal.
bool look_alike(const std::string& a, const std::string& b);

/// In what two lists of names differ, e.g. "only in train: 'bee'; only in test:
/// 'Bee'"; "" where they hold the same names. The first that look alike are
/// named as that.
std::string difference(const std::vector<std::string>& a,
                       const std::string& name_of_a,
                       const std::vector<std::string>& b,
                       const std::string& name_of_b);

/// 'a', 'b', …, in quotes, as blanks may be at their ends.
std::string quoted_list(const std::vector<std::string>& names);

}  // namespace skipzoo
