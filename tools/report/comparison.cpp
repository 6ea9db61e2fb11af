#include "tools/report/comparison.h"

#include <algorithm>
#include <cmath>

#include "tools/report/html.h"
#include "tools/report/lines.h"

namespace skipzoo {

namespace {

const EpochRow& best_row(const ComparedRun& run) {
  const auto found =
      std::ranges::find(run.rows, run.best_epoch, &EpochRow::epoch);
  return found == run.rows.end() ? run.rows.back() : *found;
}

std::string results_table(const RunComparison& comparison) {
  std::string body;
  for (const auto& run : comparison.runs) {
    const auto& best = best_row(run);
    double seconds = 0;
    for (const auto& row : run.rows) seconds += row.seconds;
    body += cat({"<tr><th scope=\"row\">", escaped(run.name), "</th>",
                 cell(std::to_string(run.rows.size())),
                 cell(std::to_string(best.epoch)), cell(percent(best.val_top1)),
                 cell(number(best.val_loss, 4)),
                 cell(percent(run.rows.back().train_top1)),
                 cell(number(run.rows.back().train_loss, 4)),
                 cell(number(seconds / 60, 1)), "</tr>\n"});
  }
  return cat({"<section class=\"card\"><h2>Results</h2>",
              table("rows", "Results",
                    header_cells({"Run", "Epochs", "Best epoch", "Its top-1",
                                  "Its loss", "Last training top-1",
                                  "Last training loss", "Minutes"}),
                    body),
              "</section>\n"});
}

std::string keys_table(const RunComparison& comparison) {
  if (comparison.keys.empty()) {
    return "<p>Their configs are the same.</p>\n";
  }
  std::vector<std::string> names = {"Key"};
  for (const auto& run : comparison.runs) names.push_back(escaped(run.name));
  std::string body;
  for (const auto& [key, values] : comparison.keys) {
    body += cat({"<tr><th scope=\"row\">", escaped(key), "</th>"});
    for (const auto& value : values) body += cell(escaped(value));
    body += "</tr>\n";
  }
  return cat({"<section class=\"card\"><h2>What differs in their configs</h2>",
              table("rows", "What differs in their configs",
                    header_cells({names.begin(), names.end()}), body),
              "</section>\n"});
}

std::vector<Line> lines_of(const RunComparison& comparison,
                           double EpochRow::*value) {
  std::vector<Line> lines;
  for (const auto& run : comparison.runs) {
    Line line{run.name, {}};
    for (const auto& row : run.rows) {
      line.points.push_back({static_cast<double>(row.epoch), row.*value});
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

std::string comparison_page(const RunComparison& comparison) {
  const auto curve = [&](const std::string& title, double EpochRow::*value) {
    return lines_figure(title, "epoch", lines_of(comparison, value));
  };
  const std::string content =
      cat({"<style>", line_styles(), "</style>\n", results_table(comparison),
           "<div class=\"grid plots\">\n",
           curve("Validation top-1 (%)", &EpochRow::val_top1),
           curve("Validation loss", &EpochRow::val_loss),
           curve("Training loss", &EpochRow::train_loss),
           curve("Training top-1 (%)", &EpochRow::train_top1),
           curve("Learning rate", &EpochRow::lr),
           curve("Images a second", &EpochRow::images_per_s), "</div>\n",
           keys_table(comparison)});
  return page(std::to_string(comparison.runs.size()) + " runs", "side by side",
              content);
}

}  // namespace skipzoo
