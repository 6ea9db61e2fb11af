#include "tools/data/label_table.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <span>
#include <string_view>

#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/utf8.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPathHeadings[] = {
    "path",  "file", "filename",   "file_name",  "filepath", "file_path",
    "image", "img",  "image_path", "image_file", "picture"};
constexpr std::string_view kLabelHeadings[] = {
    "label",     "labels", "class",   "class_name",
    "classname", "target", "category"};
constexpr std::string_view kSplitHeadings[] = {"split", "subset", "set"};
constexpr std::string_view kWeightHeadings[] = {"weight", "sample_weight"};

/// The place of the column that has one of these headings.
std::optional<size_t> column(const Table& table, const fs::path& path,
                             std::span<const std::string_view> headings) {
  std::optional<size_t> found;
  for (size_t i = 0; i < table.headings.size(); ++i) {
    if (std::ranges::find(headings, in_small_letters(table.headings[i])) ==
        headings.end()) {
      continue;
    }
    if (found) {
      throw FileError(path, "the columns '" + table.headings[*found] +
                                "' and '" + table.headings[i] +
                                "' are both the " + std::string(headings[0]) +
                                "; rename one of them");
    }
    found = i;
  }
  return found;
}

std::optional<int64_t> whole_number(const std::string& text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end ? std::optional(value)
                                             : std::nullopt;
}

/// Labels, each once: in the order of numbers where all of them are.
std::vector<std::string> sorted_classes(const std::set<std::string>& labels) {
  std::vector<std::string> classes(labels.begin(), labels.end());
  if (std::ranges::all_of(classes, [](const std::string& label) {
        return whole_number(label).has_value();
      })) {
    std::ranges::sort(classes, {}, [](const std::string& label) {
      return *whole_number(label);
    });
  }
  return classes;
}

constexpr char kBetweenLabels = '|';

std::string without_blanks_around(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return "";
  return std::string(
      text.substr(first, text.find_last_not_of(kBlanks) + 1 - first));
}

/// The labels of a cell that may name several.
std::vector<std::string> several_labels_in(const std::string& cell,
                                           int64_t line, const fs::path& path) {
  std::vector<std::string> found;
  if (without_blanks_around(cell).empty()) return found;
  for (std::string_view rest = cell;;) {
    const auto end = rest.find(kBetweenLabels);
    auto label = without_blanks_around(rest.substr(0, end));
    if (label.empty()) {
      throw FileError(
          path, at_line(line) + "no label beside a '|' in '" + cell + "'");
    }
    if (std::ranges::count(found, label) > 0) {
      throw FileError(path, at_line(line) + "'" + label + "' twice in '" +
                                cell + "'; leave one of the two out");
    }
    found.push_back(std::move(label));
    if (end == std::string_view::npos) return found;
    rest.remove_prefix(end + 1);
  }
}

void check_letters(const std::string& label, int64_t line,
                   const fs::path& path) {
  if (is_utf8(label) &&
      std::ranges::none_of(label, [](unsigned char c) { return c < 0x20; })) {
    return;
  }
  throw FileError(path, at_line(line) +
                            "a label with a control character, or not UTF-8, "
                            "which lists of names cannot hold");
}

}  // namespace

std::string at_line(int64_t line) {
  return "line " + std::to_string(line) + ": ";
}

bool names_several(const LabelTable& labels, const Table::Row& row) {
  return row.cells[labels.label].find(kBetweenLabels) != std::string::npos;
}

std::vector<std::string> labels_in(const LabelTable& labels,
                                   const Table::Row& row,
                                   const fs::path& path) {
  const auto& cell = row.cells[labels.label];
  if (labels.multi_label) return several_labels_in(cell, row.line, path);
  if (cell.empty()) {
    throw FileError(path, at_line(row.line) +
                              "no label; with data.multi_label: true that is "
                              "a picture of no class");
  }
  return {cell};
}

LabelTable read_labels(const fs::path& path) {
  LabelTable found{.table = read_table(path)};
  const auto needed = [&](std::span<const std::string_view> headings) {
    const auto place = column(found.table, path, headings);
    if (place) return *place;
    throw FileError(path, "its first line has no heading '" +
                              std::string(headings[0]) +
                              "'; a table of pictures begins with a line such "
                              "as path,label; it has " +
                              quoted_list(found.table.headings));
  };
  found.path = needed(kPathHeadings);
  found.label = needed(kLabelHeadings);
  found.split = column(found.table, path, kSplitHeadings);
  found.weight = column(found.table, path, kWeightHeadings);
  return found;
}

double weight_in(const Table::Row& row, size_t place, const fs::path& path) {
  const auto& text = row.cells[place];
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  constexpr double kMost = 1e6;
  if (error != std::errc() || stop != end || !(value >= 0 && value <= kMost)) {
    throw FileError(path, at_line(row.line) + "weight '" + text +
                              "'; expected a number from 0 to 1000000");
  }
  return value;
}

std::vector<std::string> check_rows(const LabelTable& labels,
                                    const fs::path& path) {
  if (labels.table.rows.empty()) {
    throw FileError(path, "no rows below the line of headings");
  }
  std::map<std::string, int64_t> lines;
  std::set<std::string> names;
  for (const auto& row : labels.table.rows) {
    const auto& picture = row.cells[labels.path];
    if (picture.empty()) throw FileError(path, at_line(row.line) + "no path");
    for (auto& label : labels_in(labels, row, path)) {
      check_letters(label, row.line, path);
      names.insert(std::move(label));
    }
    const auto [before, is_new] = lines.emplace(
        fs::path(picture).lexically_normal().generic_string(), row.line);
    if (!is_new) {
      throw FileError(path, at_line(row.line) + "'" + picture +
                                "' is named in line " +
                                std::to_string(before->second) +
                                " already; leave one of the two out");
    }
  }
  return sorted_classes(names);
}

std::string split_in(const LabelTable& labels, const Table::Row& row) {
  return labels.split ? row.cells[*labels.split] : std::string();
}

std::vector<std::string> splits_in(const LabelTable& labels) {
  if (!labels.split) return {};
  std::set<std::string> names;
  for (const auto& row : labels.table.rows) names.insert(split_in(labels, row));
  return {names.begin(), names.end()};
}

}  // namespace skipzoo
