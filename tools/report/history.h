#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace skipzoo {

/// One row of summary.csv.
struct EpochRow {
  int64_t epoch = 0;
  double lr = 0;
  double train_loss = 0;
  double train_top1 = 0;  ///< Percent, as are the other accuracies.
  double val_loss = 0;
  double val_top1 = 0;
  double val_top5 = 0;
  double images_per_s = 0;
  double seconds = 0;
};

/// The first line of summary.csv, without its newline.
std::string csv_header();

/// A row as a line, without its newline. Numbers take the shortest form that
/// reads back bit for bit, whatever the locale; nan and inf are allowed.
std::string csv_line(const EpochRow& row);

/// Reads a whole summary.csv, `\n` or `\r\n` at the end of lines.
/// Throws std::runtime_error, "file:line: what", if it is malformed.
std::vector<EpochRow> read_csv(const std::filesystem::path& file);

}  // namespace skipzoo
