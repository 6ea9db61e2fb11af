#include "tools/study/layer_rows.h"

#include <charconv>
#include <cmath>
#include <sstream>

#include "tools/config/fields.h"
#include "tools/error.h"
#include "tools/file.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

constexpr const char* kLayersHeader =
    "epoch,layer,gradient_norm,signal_variance,update_ratio";

template <typename Number>
bool parse_cell(const std::string& text, Number& value) {
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end;
}

bool parse_layer_row(const std::string& line, LayerRow& row) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  if (cells.size() != 5) return false;
  row.layer = cells[1];
  return parse_cell(cells[0], row.epoch) &&
         parse_cell(cells[2], row.gradient_norm) &&
         parse_cell(cells[3], row.signal_variance) &&
         parse_cell(cells[4], row.update_ratio);
}

}  // namespace

void write_layers(const std::filesystem::path& file,
                  const std::vector<LayerRow>& rows) {
  std::string text = std::string(kLayersHeader) + "\n";
  for (const auto& row : rows) {
    text += std::to_string(row.epoch) + "," + row.layer + "," +
            to_text(row.gradient_norm) + "," + to_text(row.signal_variance) +
            "," + to_text(row.update_ratio) + "\n";
  }
  write_whole(file, text);
}

std::vector<LayerRow> read_layers(const std::filesystem::path& file) {
  const auto bytes = read_file(file);
  std::istringstream in(std::string(bytes.begin(), bytes.end()));
  std::string line;
  std::vector<LayerRow> rows;
  bool is_good = std::getline(in, line) && line == kLayersHeader;
  while (is_good && std::getline(in, line)) {
    is_good = parse_layer_row(line, rows.emplace_back());
  }
  if (!is_good) {
    throw FileError(file, "line " + std::to_string(rows.size() + 1) +
                              " is not as 'skipzoo study' writes it; remove "
                              "the folder to train this network anew");
  }
  return rows;
}

std::vector<LayerRow> rows_of_epoch(const std::vector<LayerRow>& rows,
                                    int64_t epoch) {
  std::vector<LayerRow> found;
  for (const auto& row : rows) {
    if (row.epoch == epoch) found.push_back(row);
  }
  return found;
}

double gradient_ratio(const std::vector<LayerRow>& rows, int64_t epoch) {
  const auto layers = rows_of_epoch(rows, epoch);
  if (layers.size() < 3) return std::numeric_limits<double>::quiet_NaN();
  return layers.front().gradient_norm / layers[layers.size() - 2].gradient_norm;
}

double gradient_ratio_in_training(const std::vector<LayerRow>& rows) {
  double logs = 0;
  int64_t epochs = 0;
  while (!rows_of_epoch(rows, epochs + 1).empty()) {
    logs += std::log(gradient_ratio(rows, ++epochs));
  }
  return epochs == 0 ? std::numeric_limits<double>::quiet_NaN()
                     : std::exp(logs / static_cast<double>(epochs));
}

}  // namespace skipzoo
