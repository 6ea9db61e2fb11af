#include "tools/train/report_figures.h"

#include <string>
#include <utility>

#include "tools/train/intervals.h"

namespace skipzoo {

namespace {

ReportFigure report_figure(std::string name, double value,
                           const Interval& interval) {
  return {.name = std::move(name),
          .value = value,
          .low = interval.low,
          .high = interval.high};
}

ReportFigure report_figure(std::string name, const Figure& figure) {
  return report_figure(std::move(name), figure.value, figure.interval);
}

}  // namespace

std::vector<ReportFigure> report_figures(const Confusion& confusion) {
  if (confusion.empty()) return {};
  const auto found = figures_of(confusion);
  return {report_figure("Top-1", found.top1),
          report_figure("Balanced accuracy", found.balanced_accuracy),
          report_figure("Macro F1", found.macro_f1)};
}

std::vector<ReportFigure> report_figures_of_labels(const Evaluation& found) {
  const auto intervals = label_intervals(found);
  return {report_figure("Mean average precision", found.map, intervals.map),
          report_figure("Macro F1", mean_f1(found.labels), intervals.macro_f1)};
}

}  // namespace skipzoo
