#pragma once

#include <string>

#include "tools/report/html_report.h"

namespace skipzoo {

/// The confusion matrix, or for more than 100 classes the 20 most frequent
/// confusions, beside each class's precision, recall and F1; "" if there is
/// none.
std::string confusions(const RunReport& report);

}  // namespace skipzoo
