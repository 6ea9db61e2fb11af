#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace skipzoo {

/// A table of texts with a line of headings.
struct Table {
  struct Row {
    int64_t line = 0;  ///< Where it begins in the file, from 1.
    std::vector<std::string> cells;
  };
  std::vector<std::string> headings;
  std::vector<Row> rows;  ///< Each with as many cells as there are headings.
};

/// A file of comma-separated values (RFC 4180: "quoted", doubled quotes, line
/// ends in quotes), or with tabs or semicolons between them, whichever its
/// first line has; UTF-8 or UTF-16, any line ends. Blanks around what is not
/// quoted and blank lines do not count. Throws FileError with the line.
Table read_table(const std::filesystem::path& path);
/// The same of its bytes; path: to name in errors.
Table parse_table(std::string bytes, const std::filesystem::path& path);

/// A cell of such a file that commas, quotes and line ends do not break.
std::string csv_field(const std::string& text);

}  // namespace skipzoo
