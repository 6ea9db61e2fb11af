#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tools/data/table.h"

namespace skipzoo {

/// A table of pictures whose columns are known, by their headings.
struct LabelTable {
  Table table;
  size_t path = 0, label = 0;
  std::optional<size_t> split = {}, weight = {};
  /// Whether a cell may name several labels, with '|' between them, or none.
  bool multi_label = false;
};

// All throw FileError, with the line of what is wrong.

LabelTable read_labels(const std::filesystem::path& path);
/// What every row must have, whatever its split. Returns the classes: the
/// labels, each once, in the order of numbers where all of them are.
std::vector<std::string> check_rows(const LabelTable& labels,
                                    const std::filesystem::path& path);
/// What a row's cell names: one label or, with multi_label, each of several, or
/// none.
std::vector<std::string> labels_in(const LabelTable& labels,
                                   const Table::Row& row,
                                   const std::filesystem::path& path);
/// Whether it would name several, with multi_label.
bool names_several(const LabelTable& labels, const Table::Row& row);
/// At least 0, at most a million.
double weight_in(const Table::Row& row, size_t place,
                 const std::filesystem::path& path);

/// "" without a column of splits.
std::string split_in(const LabelTable& labels, const Table::Row& row);
/// Each once, sorted; none without a column of them.
std::vector<std::string> splits_in(const LabelTable& labels);

/// "line 7: ", for errors.
std::string at_line(int64_t line);

}  // namespace skipzoo
