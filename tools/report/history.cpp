#include "tools/report/history.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace skipzoo {
namespace {

struct Column {
  std::string_view name;
  double EpochRow::*value;
};

/// Every column but the first, `epoch`, the only integer.
constexpr Column kColumns[] = {
    {"lr", &EpochRow::lr},
    {"train_loss", &EpochRow::train_loss},
    {"train_top1", &EpochRow::train_top1},
    {"val_loss", &EpochRow::val_loss},
    {"val_top1", &EpochRow::val_top1},
    {"val_top5", &EpochRow::val_top5},
    {"images_per_s", &EpochRow::images_per_s},
    {"seconds", &EpochRow::seconds},
};

/// Takes the next cell off the front of a line.
std::string_view next_cell(std::string_view& line) {
  const auto cell = line.substr(0, line.find(','));
  line.remove_prefix(std::min(cell.size() + 1, line.size()));
  return cell;
}

template <typename Number>
void parse(std::string_view cell, std::string_view column, Number& value) {
  const char* end = cell.data() + cell.size();
  const auto [stop, error] = std::from_chars(cell.data(), end, value);
  if (error != std::errc() || stop != end) {
    throw std::runtime_error(std::string(column) +
                             ": expected a number, got '" + std::string(cell) +
                             "'");
  }
}

EpochRow parse_row(std::string_view line) {
  const auto cells = 1 + std::count(line.begin(), line.end(), ',');
  const auto expected = 1 + std::ssize(kColumns);
  if (cells != expected) {
    throw std::runtime_error(std::to_string(cells) + " columns, expected " +
                             std::to_string(expected));
  }
  EpochRow row;
  parse(next_cell(line), "epoch", row.epoch);
  for (const Column& column : kColumns) {
    parse(next_cell(line), column.name, row.*column.value);
  }
  return row;
}

/// The next line without its ending; false at the end of the file.
bool next_line(std::istream& in, std::string& line) {
  if (!std::getline(in, line)) {
    return false;
  }
  if (line.ends_with('\r')) {
    line.pop_back();
  }
  return true;
}

}  // namespace

std::string csv_header() {
  std::string line = "epoch";
  for (const Column& column : kColumns) {
    line.append(",").append(column.name);
  }
  return line;
}

std::string csv_line(const EpochRow& row) {
  std::string line = std::to_string(row.epoch);
  for (const Column& column : kColumns) {
    char digits[32];  // The longest double, -2.2250738585072014e-308, is 24.
    const auto end =
        std::to_chars(digits, std::end(digits), row.*column.value).ptr;
    line.append(",").append(digits, end);
  }
  return line;
}

std::vector<EpochRow> read_csv(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    throw std::runtime_error(file.string() + ": cannot be opened: " +
                             std::generic_category().message(errno));
  }
  std::string line;
  if (!next_line(in, line) || line != csv_header()) {
    throw std::runtime_error(file.string() + ":1: expected the columns '" +
                             csv_header() + "', got '" + line + "'");
  }
  std::vector<EpochRow> rows;
  for (int64_t number = 2; next_line(in, line); ++number) {
    try {
      rows.push_back(parse_row(line));
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(
          file.string() + ":" + std::to_string(number) + ": " + error.what() +
          (in.eof() ? "; the last line, was its write cut short?" : ""));
    }
  }
  if (in.bad()) {
    throw std::runtime_error(file.string() + ": reading failed: " +
                             std::generic_category().message(errno));
  }
  return rows;
}

}  // namespace skipzoo
