#pragma once

#include <string>

#include "tools/report/html_report.h"

namespace skipzoo {

/// Each with its interval, as a card.
std::string figure_cards(const std::vector<ReportFigure>& figures);
/// RunReport::figures in a section; "" if there are none.
std::string figures(const RunReport& report);

/// Which epoch's weights made the confusions and figures, " of epoch 7, …"; ""
/// where that is unknown.
std::string whose(const RunReport& report);

}  // namespace skipzoo
