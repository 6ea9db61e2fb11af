#include "tools/report/figures.h"

#include "tools/report/html.h"

namespace skipzoo {

std::string whose(const RunReport& report) {
  if (report.confusion_epoch == 0) return "";
  const bool last = !report.rows.empty() &&
                    report.rows.back().epoch == report.confusion_epoch;
  return cat({" of epoch ", std::to_string(report.confusion_epoch),
              report.confusion_epoch == report.best_epoch
                  ? ", the best (best.skz)"
              : last ? ", the last (last.skz)"
                     : ""});
}

std::string figure_cards(const std::vector<ReportFigure>& figures) {
  std::string cards;
  for (const auto& figure : figures) {
    cards += fact(escaped(figure.name), percent(figure.value),
                  cat({"95% interval<br>", number(figure.low, 2), " to ",
                       percent(figure.high)}));
  }
  return cards;
}

std::string figures(const RunReport& report) {
  if (report.figures.empty()) return "";
  return cat({"<section class=\"card\"><h2>Figures", whose(report),
              "</h2><div class=\"grid\">\n", figure_cards(report.figures),
              "</div></section>\n"});
}

}  // namespace skipzoo
