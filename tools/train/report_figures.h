#pragma once

#include <vector>

#include "tools/report/html_report.h"
#include "tools/train/metrics.h"

namespace skipzoo {

// What a page names first of an evaluation, each with its interval.

/// Top-1, balanced accuracy and macro F1; none of an empty one.
std::vector<ReportFigure> report_figures(const Confusion& confusion);
/// Of several labels a picture, whose pictures were kept: mean average
/// precision and macro F1 at the thresholds of its labels.
std::vector<ReportFigure> report_figures_of_labels(const Evaluation& found);

}  // namespace skipzoo
