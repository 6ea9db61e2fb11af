#pragma once

#include <string>

#include "tools/report/html_report.h"

namespace skipzoo {

/// Loss, top-1 and learning rate by epoch, as inline SVG in HTML figures.
/// The report has at least one row.
std::string curves(const RunReport& report);

}  // namespace skipzoo
