#include "tools/report/evaluation_report.h"

#include <cmath>

#include "tools/report/confusion.h"
#include "tools/report/figures.h"
#include "tools/report/html.h"
#include "tools/report/label_report.h"

namespace skipzoo {
namespace {

/// What is measured, the figures with intervals first.
std::string measured_facts(const EvaluationReport& report) {
  const auto& found = report.found;
  const bool several = !found.labels.empty();
  std::string cards = figure_cards(found.figures);
  if (several) {
    cards += fact("Ranked first", percent(report.top1),
                  "images whose likeliest<br>class is a label");
  }
  // Of five classes or fewer it is always 100 %.
  if (found.confusion.size() > 5) {
    cards += fact("Top-5", percent(report.top5),
                  "the class is among<br>the five likeliest");
  }
  cards += fact("Loss", number(report.loss, 4),
                several ? "binary cross entropy,<br>mean of classes and images"
                        : "cross entropy,<br>mean of the images");
  if (std::isfinite(report.calibration_error)) {
    cards += fact("Calibration error", percent(report.calibration_error),
                  "expected, between<br>confidence and accuracy");
  }
  return cat({"<div class=\"grid\">\n", cards, "</div>\n"});
}

/// Text: whose network it is, and on what it was measured.
std::string words_below_title(const EvaluationReport& report) {
  auto words = cat({report.found.network, ", measured on ", report.split, ": ",
                    std::to_string(report.images), " images"});
  if (report.skipped == 0) return words;
  return words +
         cat({", ", std::to_string(report.skipped), " more could not be read"});
}

}  // namespace

std::string evaluation_page(const EvaluationReport& report) {
  const auto& found = report.found;
  return page(
      found.title, words_below_title(report),
      cat({measured_facts(report),
           found.labels.empty() ? confusions(found) : labels_by_class(found),
           found.mistakes, about_html(found.about),
           configuration(found.config_yaml)}));
}

}  // namespace skipzoo
