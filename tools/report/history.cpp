#include "tools/report/history.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace skipzoo {
namespace {

constexpr EpochScalar kScalars[] = {
    {"lr", "lr", "Learning rate", "", Unit::kNone, &EpochRow::lr},
    {"train_loss", "train/loss", "Train loss", "", Unit::kLoss,
     &EpochRow::train_loss},
    {"train_top1", "train/top1", "Train top-1", "", Unit::kPercent,
     &EpochRow::train_top1},
    {"val_loss", "val/loss", "Val loss", "Loss", Unit::kLoss,
     &EpochRow::val_loss},
    {"val_top1", "val/top1", "Val top-1", "Acc@1", Unit::kPercent,
     &EpochRow::val_top1},
    {"val_top5", "val/top5", "Val top-5", "Acc@5", Unit::kPercent,
     &EpochRow::val_top5},
    {"images_per_s", "images_per_s", "Images/s", "", Unit::kPerSecond,
     &EpochRow::images_per_s},
    {"seconds", "", "Seconds", "", Unit::kSeconds, &EpochRow::seconds},
    {"val_loss_ema", "val/loss_ema", "Val loss, EMA", "", Unit::kLoss,
     &EpochRow::val_loss_ema, /*is_optional=*/true},
    {"val_top1_ema", "val/top1_ema", "Val top-1, EMA", "EMA Acc@1",
     Unit::kPercent, &EpochRow::val_top1_ema, /*is_optional=*/true},
    {"data_time", "", "Waited for data", "", Unit::kSeconds,
     &EpochRow::data_time, /*is_optional=*/true},
    {"val_balanced_accuracy", "val/balanced_accuracy", "Val balanced accuracy",
     "", Unit::kPercent, &EpochRow::val_balanced_accuracy,
     /*is_optional=*/true},
    {"val_macro_f1", "val/macro_f1", "Val macro F1", "", Unit::kPercent,
     &EpochRow::val_macro_f1, /*is_optional=*/true},
    {"val_map", "val/map", "Val mAP", "mAP", Unit::kPercent, &EpochRow::val_map,
     /*is_optional=*/true},
    {"eval_metric", "", "", "", Unit::kNone, &EpochRow::eval_metric,
     /*is_optional=*/true},
};

constexpr std::string_view kEpoch = "epoch";  // The only integer.

std::string fixed(double value, int digits) {
  char text[400];  // The largest double has 309 digits before the point.
  const int size = std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return {text, static_cast<size_t>(size)};
}

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

/// Which scalar each column holds; null for the epoch's. Empty where one is
/// unknown or there twice: to write the file again would lose it.
std::vector<const EpochScalar*> parse_header(std::string_view line) {
  std::vector<const EpochScalar*> columns;
  while (!line.empty()) {
    const auto name = next_cell(line);
    const auto found = std::ranges::find(kScalars, name, &EpochScalar::name);
    const auto* scalar = found == std::end(kScalars) ? nullptr : found;
    if ((scalar == nullptr && name != kEpoch) ||
        std::ranges::count(columns, scalar) > 0) {
      return {};
    }
    columns.push_back(scalar);
  }
  const bool has_epoch = std::ranges::count(columns, nullptr) == 1;
  return has_epoch ? columns : std::vector<const EpochScalar*>{};
}

EpochRow parse_row(std::string_view line,
                   const std::vector<const EpochScalar*>& columns) {
  const auto cells = 1 + std::count(line.begin(), line.end(), ',');
  if (cells != std::ssize(columns)) {
    throw std::runtime_error(std::to_string(cells) + " columns, expected " +
                             std::to_string(columns.size()));
  }
  EpochRow row;
  for (const auto& scalar : kScalars) {
    row.*scalar.value = std::numeric_limits<double>::quiet_NaN();
  }
  for (const auto* column : columns) {
    if (column == nullptr) {
      parse(next_cell(line), kEpoch, row.epoch);
    } else {
      parse(next_cell(line), column->name, row.*column->value);
    }
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

std::span<const EpochScalar> epoch_scalars() { return kScalars; }

bool is_absent(const EpochRow& row, const EpochScalar& scalar) {
  return scalar.is_optional && std::isnan(row.*scalar.value);
}

std::string csv_header() {
  std::string line(kEpoch);
  for (const auto& scalar : kScalars) line.append(",").append(scalar.name);
  return line;
}

bool is_csv_header(std::string_view line) {
  return !parse_header(line).empty();
}

std::string csv_line(const EpochRow& row) {
  std::string line = std::to_string(row.epoch);
  for (const auto& scalar : kScalars) {
    char digits[32];  // The longest double, -2.2250738585072014e-308, is 24.
    const auto end =
        std::to_chars(digits, std::end(digits), row.*scalar.value).ptr;
    line.append(",").append(digits, end);
  }
  return line;
}

std::string json_line(const EpochRow& row) {
  nlohmann::ordered_json json = {{std::string(kEpoch), row.epoch}};
  for (const auto& scalar : kScalars) {
    if (is_absent(row, scalar)) continue;
    json[std::string(scalar.name)] = row.*scalar.value;
  }
  for (const auto& series : class_series()) {
    if ((row.*series.values).empty()) continue;
    json[std::string(series.name)] = row.*series.values;
  }
  return json.dump();
}

std::string log_line(const EpochRow& row) {
  std::string line = "Val:   " + std::to_string(row.epoch);
  for (const auto& scalar : kScalars) {
    const bool is_absent = scalar.is_optional && std::isnan(row.*scalar.value);
    if (scalar.log.empty() || is_absent) continue;
    line.append("  ").append(scalar.log).append(": ");
    line += fixed(row.*scalar.value, scalar.unit == Unit::kLoss ? 4 : 2);
  }
  return line + "  (train loss " + fixed(row.train_loss, 4) + ", " +
         fixed(row.seconds, 1) + " s)";
}

std::vector<EpochRow> read_csv(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    throw std::runtime_error(file.string() + ": cannot be opened: " +
                             std::generic_category().message(errno));
  }
  std::string line;
  std::vector<const EpochScalar*> columns;
  if (next_line(in, line)) columns = parse_header(line);
  if (columns.empty()) {
    throw std::runtime_error(file.string() + ":1: expected the columns '" +
                             csv_header() + "', got '" + line + "'");
  }
  std::vector<EpochRow> rows;
  for (int64_t number = 2; next_line(in, line); ++number) {
    try {
      rows.push_back(parse_row(line, columns));
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
