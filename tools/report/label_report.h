#pragma once

#include <string>

#include "tools/report/html_report.h"

namespace skipzoo {

/// With several labels a picture, how well each is told; "" if there is none.
std::string labels_by_class(const RunReport& report);

}  // namespace skipzoo
