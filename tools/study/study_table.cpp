#include "tools/study/study_table.h"

#include <algorithm>

#include "tools/report/html.h"

namespace skipzoo {

namespace {

template <double CellResult::*value>
std::string mean_of_column(const StudyGroup& group) {
  return mean_text(group.mean(value), group.cells.size());
}

/// Letters, not bytes: ± has two of these.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string padded(const std::string& text, size_t width, bool left) {
  const auto own = width_of(text);
  const std::string space(width > own ? width - own : 0, ' ');
  return left ? text + space : space + text;
}

std::vector<std::string> cells_of_row(const StudyGroup& group) {
  std::vector<std::string> row = {group.skip, std::to_string(group.depth)};
  for (const auto& column : study_columns()) row.push_back(column.text(group));
  return row;
}

}  // namespace

const std::vector<StudyColumn>& study_columns() {
  static const std::vector<StudyColumn> columns = {
      {"parameters", "that are trained",
       [](const StudyGroup& group) {
         return group.cells.empty()
                    ? std::string("none")
                    : std::to_string(group.cells.front().parameters);
       }},
      {"train loss", "mean of the last epoch, while it was trained",
       mean_of_column<&CellResult::train_loss>},
      {"train %", "accuracy on the training pictures after it, unaugmented",
       mean_of_column<&CellResult::fit_top1>},
      {"test %", "accuracy on what the run is validated on, after it",
       mean_of_column<&CellResult::test_top1>},
      {"gap", "train % less test %",
       [](const StudyGroup& group) {
         return mean_text(group.gap(), group.cells.size());
       }},
      {"s/epoch", "seconds of an epoch, its validation included; median",
       mean_of_column<&CellResult::seconds_per_epoch>},
      {"half loss", "first epoch at half the loss of guessing",
       mean_of_column<&CellResult::half_loss_epoch>},
      {"grad 0",
       "gradient norm of the first convolution over the last's, before "
       "training",
       mean_of_column<&CellResult::gradient_ratio_at_start>},
      {"grad", "the same while training, geometric mean over the epochs",
       mean_of_column<&CellResult::gradient_ratio_in_training>}};
  return columns;
}

std::string study_table(const std::vector<StudyGroup>& groups) {
  std::vector<std::vector<std::string>> rows = {{"skip", "layers"}};
  for (const auto& column : study_columns()) {
    rows.front().push_back(column.title);
  }
  for (const auto& group : groups) rows.push_back(cells_of_row(group));
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      size_t width = 0;
      for (const auto& other : rows)
        width = std::max(width, width_of(other[i]));
      text += (i == 0 ? "" : "  ") + padded(row[i], width, i == 0);
    }
    text += "\n";
  }
  text += "\n";
  for (const auto& column : study_columns()) {
    text += "  " + padded(column.title, 12, true) + column.meaning + "\n";
  }
  return text;
}

std::string claims_text(const std::vector<Claim>& claims) {
  std::string text;
  for (const auto& claim : claims) {
    text += claim.title + ".\n  Criterion: " + claim.criterion + ".\n";
    if (claim.findings.empty()) {
      text +=
          "  cannot be told: the study has nothing to compare (plain "
          "networks, skip none, and others beside them)\n";
    }
    for (const auto& [where, outcome, numbers] : claim.findings) {
      text += "  " + padded(std::string(name_of(outcome)), 15, true) + where +
              ": " + numbers + "\n";
    }
    text += "\n";
  }
  return text;
}

}  // namespace skipzoo
