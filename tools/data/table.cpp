#include "tools/data/table.h"

#include <algorithm>
#include <string_view>

#include "tools/data/data_file.h"
#include "tools/data/text.h"
#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

std::string without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return "";
  return std::string(
      text.substr(first, text.find_last_not_of(" \t") + 1 - first));
}

/// The one of the usual separators that the first line has most of.
char separator_of(std::string_view text) {
  char best = ',';
  std::ptrdiff_t most = 0;
  const auto line = text.substr(0, text.find_first_of("\r\n"));
  for (const char one : {',', '\t', ';'}) {
    const auto count = std::ranges::count(line, one);
    if (count > most) {
      most = count;
      best = one;
    }
  }
  return best;
}

/// Reads a text row by row.
class TableReader {
 public:
  TableReader(std::string_view text, const fs::path& path)
      : text_(text), path_(path), separator_(separator_of(text)) {
    // Excel's own first line, which says the separator.
    constexpr std::string_view kSays = "sep=";
    if (!text.starts_with(kSays) || text.size() <= kSays.size()) return;
    at_ = kSays.size();
    separator_ = text[at_++];
    skip_line_end();
  }

  /// False at the end. A blank line has no cells.
  bool next(Table::Row& row) {
    row = {.line = line_, .cells = {}};
    if (at_ == text_.size()) return false;
    for (bool goes_on = true; goes_on;) {
      row.cells.push_back(cell());
      goes_on = at_ < text_.size() && text_[at_] == separator_;
      if (goes_on) ++at_;
    }
    skip_line_end();
    if (row.cells.size() == 1 && row.cells[0].empty()) row.cells.clear();
    return true;
  }

 private:
  std::string cell() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    if (at_ < text_.size() && text_[at_] == '"') return quoted_cell();
    const size_t start = at_;
    while (at_ < text_.size() && !ends_cell(text_[at_])) ++at_;
    return without_blanks(text_.substr(start, at_ - start));
  }

  std::string quoted_cell() {
    const int64_t began = line_;
    std::string cell;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"' && (at_ + 1 == text_.size() || text_[at_ + 1] != '"')) break;
      if (c == '"') ++at_;
      if (c == '\n') ++line_;
      cell += c;
    }
    if (at_ == text_.size()) {
      throw FileError(path_, "line " + std::to_string(began) +
                                 ": a quote that is not closed");
    }
    ++at_;
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    if (at_ < text_.size() && !ends_cell(text_[at_])) {
      throw FileError(path_, "line " + std::to_string(line_) +
                                 ": text behind a closing quote; a quote "
                                 "within quotes is written twice");
    }
    return cell;
  }

  bool is_blank(char c) const {
    return c == ' ' || (c == '\t' && separator_ != '\t');
  }
  bool ends_cell(char c) const {
    return c == separator_ || c == '\n' || c == '\r';
  }

  void skip_line_end() {
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
  }

  std::string_view text_;
  const fs::path& path_;
  char separator_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

}  // namespace

Table parse_table(std::string bytes, const fs::path& path) {
  const std::string text = without_encoding(std::move(bytes));
  TableReader reader(text, path);
  Table table;
  for (Table::Row row; reader.next(row);) {
    if (row.cells.empty()) continue;
    if (table.headings.empty()) {
      table.headings = std::move(row.cells);
      continue;
    }
    if (row.cells.size() != table.headings.size()) {
      throw FileError(path, "line " + std::to_string(row.line) + ": " +
                                std::to_string(row.cells.size()) +
                                " cells, expected " +
                                std::to_string(table.headings.size()) +
                                " as in the line of headings");
    }
    table.rows.push_back(std::move(row));
  }
  if (table.headings.empty()) throw FileError(path, "an empty table");
  return table;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

Table read_table(const fs::path& path) {
  constexpr int64_t kMost = int64_t{1} << 30;
  const auto bytes = read_data_file(path, kMost);
  return parse_table({bytes.begin(), bytes.end()}, path);
}

}  // namespace skipzoo
