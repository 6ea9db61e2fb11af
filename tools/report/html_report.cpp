#include "tools/report/html_report.h"

#include <algorithm>
#include <string_view>

#include "tools/report/class_curves.h"
#include "tools/report/confusion.h"
#include "tools/report/curves.h"
#include "tools/report/figures.h"
#include "tools/report/html.h"
#include "tools/report/label_report.h"

namespace skipzoo {
namespace {

std::string duration(double seconds) {
  if (!(seconds >= 60 && seconds < 1e9)) {
    return number(seconds, 1) + " s";
  }
  const auto whole = static_cast<int64_t>(seconds);
  const bool hours = whole >= 3600;
  const int64_t small = hours ? 60 : 1;
  return cat({std::to_string(whole / small / 60), hours ? " h " : " min ",
              std::to_string(whole / small % 60), hours ? " min" : " s"});
}

std::string facts(const RunReport& report) {
  const bool several = !report.labels.empty();
  const auto accuracy = [&](std::string_view which, const EpochRow& row) {
    return fact(
        cat({which, several ? " mAP" : " top-1"}),
        percent(several ? row.val_map : row.val_top1),
        cat({"epoch ", std::to_string(row.epoch), ", loss ",
             number(row.val_loss, 4), several ? "<br>macro F1 " : "<br>top-5 ",
             percent(several ? row.val_macro_f1 : row.val_top5)}));
  };
  const auto& rows = report.rows;
  std::string html = "<div class=\"grid\">\n";
  const auto best =
      std::ranges::find(rows, report.best_epoch, &EpochRow::epoch);
  if (best != rows.end()) {
    html += accuracy("Best", *best);
  }
  double seconds = 0;
  for (const auto& row : rows) {
    seconds += row.seconds;
  }
  const auto count = static_cast<double>(rows.size());
  html += accuracy("Last", rows.back());
  html += fact("Time", duration(seconds),
               cat({"epochs: ", std::to_string(rows.size()), "<br>",
                    duration(seconds / count), " each"}));
  html += fact("Speed", number(rows.back().images_per_s, 0),
               "images a second<br>in the last epoch");
  return html + "</div>\n";
}

std::string text_of(double value, Unit unit) {
  switch (unit) {
    case Unit::kNone:
      return number(value);
    case Unit::kLoss:
      return number(value, 4);
    case Unit::kPercent:
      return percent(value);
    case Unit::kPerSecond:
      return number(value, 0);
    case Unit::kSeconds:
      return number(value, 1);
  }
  return "";
}

/// Those that some epoch has.
std::vector<EpochScalar> scalars_of(const RunReport& report) {
  std::vector<EpochScalar> shown;
  for (const auto& scalar : epoch_scalars()) {
    const bool is_there = !std::ranges::all_of(
        report.rows,
        [&](const EpochRow& row) { return is_absent(row, scalar); });
    if (is_there && !scalar.title.empty()) shown.push_back(scalar);
  }
  return shown;
}

std::string epoch_table(const RunReport& report) {
  std::vector<std::string_view> titles = {"Epoch"};
  const auto scalars = scalars_of(report);
  for (const auto& scalar : scalars) titles.push_back(scalar.title);
  std::string body;
  for (const auto& row : report.rows) {
    body +=
        cat({row.epoch == report.best_epoch ? "<tr class=\"best\">" : "<tr>",
             "<th scope=\"row\">", std::to_string(row.epoch), "</th>"});
    for (const auto& scalar : scalars) {
      body += cell(text_of(row.*scalar.value, scalar.unit));
    }
    body += "</tr>\n";
  }
  constexpr size_t kLong = 20;
  return folded("Epochs", report.rows.size() <= kLong,
                table("rows", "Epochs", header_cells(titles), body));
}

}  // namespace

std::string html_report(const RunReport& report) {
  std::string html =
      report.rows.empty()
          ? "<p>No epoch has been finished.</p>\n"
          : facts(report) + curves(report) + class_curves(report);
  html +=
      figures(report) +
      (report.labels.empty() ? confusions(report) : labels_by_class(report)) +
      report.mistakes;
  if (!report.rows.empty()) {
    html += epoch_table(report);
  }
  html += about_html(report.about) + configuration(report.config_yaml);
  return page(report.title, report.network, html);
}

}  // namespace skipzoo
