#pragma once

#include <string>

#include "tools/report/html_report.h"

namespace skipzoo {

/// Of each figure of class_series() that the run has: its course over the
/// epochs, a line for each of up to ten classes; of more, the five lowest and
/// the five highest of the last epoch, over a band from the lowest to the
/// highest of all others. "" where no epoch has one.
std::string class_curves(const RunReport& report);

}  // namespace skipzoo
