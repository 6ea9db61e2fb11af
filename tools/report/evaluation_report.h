#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "tools/report/html_report.h"

namespace skipzoo {

/// What the page of one evaluation tells. Text is UTF-8 and need not be
/// escaped.
struct EvaluationReport {
  /// As of a run, but for its epochs: there are none. Its mistakes are by
  /// mistakes_cards().
  RunReport found;
  std::string split;  ///< What was measured, e.g. "test".
  double loss = 0;
  double top1 = 0;  ///< Percent, as top5.
  double top5 = 0;
  /// Percent; nan where a picture has no one class.
  double calibration_error = std::numeric_limits<double>::quiet_NaN();
  int64_t images = 0;
  int64_t skipped = 0;  ///< Pictures that could not be read.
};

/// One self-contained HTML page, as html_report()'s.
std::string evaluation_page(const EvaluationReport& report);

}  // namespace skipzoo
