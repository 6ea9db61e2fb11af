#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/report/about.h"
#include "tools/report/history.h"
#include "tools/report/label_scores.h"

namespace skipzoo {

/// A figure of an evaluation, in percent, with its 95 % confidence interval.
struct ReportFigure {
  std::string name;
  double value = 0;
  double low = 0, high = 0;
};

/// What the page of a run tells. Text is UTF-8 and need not be escaped.
struct RunReport {
  std::string title;
  std::string network;         ///< E.g. "269722 parameters".
  std::vector<EpochRow> rows;  ///< In the order of their epochs; may be empty.
  std::vector<std::string> classes;  ///< Missing ones read "class 7".
  /// Images by [true class][predicted class]; empty leaves the section out.
  std::vector<std::vector<int64_t>> confusion;
  /// With several labels a picture, by class; empty leaves the section out.
  std::vector<LabelScores> labels = {};
  /// Those are at thresholds that came with the network, not at the best.
  bool are_thresholds_of_network = false;
  int64_t confusion_epoch = 0;  ///< Whose those are; 0 where that is unknown.
  std::vector<ReportFigure> figures = {};  ///< Of the same epoch.
  int64_t best_epoch = 0;  ///< An epoch that is not in `rows` for none.
  std::string config_yaml;
  std::string mistakes = {};  ///< By mistakes_html(); empty leaves them out.
  RunAbout about = {};
};

/// One self-contained HTML page: no script, nothing fetched. Numbers that are
/// not finite show as such in the tables and as gaps in the curves.
std::string html_report(const RunReport& report);

}  // namespace skipzoo
