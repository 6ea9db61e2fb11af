#include "tools/study/cell_result.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/config/fields.h"
#include "tools/error.h"
#include "tools/file.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

struct Number {
  const char* name;
  double CellResult::*value;
};
constexpr Number kNumbers[] = {
    {"train_loss", &CellResult::train_loss},
    {"fit_loss", &CellResult::fit_loss},
    {"fit_top1", &CellResult::fit_top1},
    {"test_loss", &CellResult::test_loss},
    {"test_top1", &CellResult::test_top1},
    {"seconds_per_epoch", &CellResult::seconds_per_epoch},
    {"half_loss_epoch", &CellResult::half_loss_epoch},
    {"gradient_ratio_at_start", &CellResult::gradient_ratio_at_start},
    {"gradient_ratio_in_training", &CellResult::gradient_ratio_in_training}};

}  // namespace

void note_history(CellResult& result, const std::vector<EpochRow>& rows,
                  const std::vector<LayerRow>& layers, double guessing) {
  result.epochs = std::ssize(rows);
  result.half_loss_epoch = static_cast<double>(result.epochs + 1);
  std::vector<double> seconds;
  for (const auto& row : rows) {
    seconds.push_back(row.seconds);
    if (row.train_loss <= guessing / 2) {
      result.half_loss_epoch =
          std::min(result.half_loss_epoch, static_cast<double>(row.epoch));
    }
  }
  if (!rows.empty()) {
    result.train_loss = rows.back().train_loss;
    result.test_loss = rows.back().val_loss;
    result.test_top1 = rows.back().val_top1;
    // Whatever else the machine was asked for in one of them.
    std::ranges::sort(seconds);
    result.seconds_per_epoch =
        (seconds[(seconds.size() - 1) / 2] + seconds[seconds.size() / 2]) / 2;
  }
  result.gradient_ratio_at_start = gradient_ratio(layers, 0);
  result.gradient_ratio_in_training = gradient_ratio_in_training(layers);
}

void write_result(const std::filesystem::path& file, const CellResult& result) {
  nlohmann::ordered_json json = {{"skip", result.skip},
                                 {"depth", result.depth},
                                 {"seed", result.seed},
                                 {"parameters", result.parameters},
                                 {"epochs", result.epochs}};
  // JSON has no word for what is not finite: text, which reads back.
  for (const auto& [name, value] : kNumbers) {
    const double number = result.*value;
    if (std::isfinite(number)) {
      json[name] = number;
    } else {
      json[name] = to_text(number);
    }
  }
  if (!result.failure.empty()) json["failure"] = result.failure;
  write_whole(file, json.dump(2) + "\n");
}

std::optional<CellResult> read_result(const std::filesystem::path& file) {
  std::error_code unknown;
  if (!std::filesystem::exists(file, unknown)) return {};
  const auto bytes = read_file(file);
  try {
    const auto json = nlohmann::json::parse(bytes.begin(), bytes.end());
    CellResult result{.skip = json.at("skip"),
                      .depth = json.at("depth"),
                      .seed = json.at("seed"),
                      .parameters = json.at("parameters"),
                      .epochs = json.at("epochs"),
                      .failure = json.value("failure", "")};
    for (const auto& [name, value] : kNumbers) {
      const auto& number = json.at(name);
      result.*value = number.is_string() ? std::stod(number.get<std::string>())
                                         : number.get<double>();
    }
    return result;
  } catch (const std::exception&) {
    throw FileError(file,
                    "is not as 'skipzoo study' writes it; remove its folder to "
                    "train that network anew");
  }
}

std::string study_csv(const std::vector<CellResult>& results) {
  std::string csv = "skip,depth,seed,parameters,epochs";
  for (const auto& number : kNumbers) csv += std::string(",") + number.name;
  csv += ",gap\n";
  for (const auto& result : results) {
    csv += result.skip + "," + std::to_string(result.depth) + "," +
           std::to_string(result.seed) + "," +
           std::to_string(result.parameters) + "," +
           std::to_string(result.epochs);
    for (const auto& number : kNumbers) {
      csv += "," + to_text(result.*number.value);
    }
    csv += "," + to_text(result.gap()) + "\n";
  }
  return csv;
}

}  // namespace skipzoo
