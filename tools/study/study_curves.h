#pragma once

#include <string>

#include "tools/study/study_page.h"

namespace skipzoo {

/// Of the networks of one depth: training loss and test accuracy by epoch,
/// means over the seeds; by layer, of the page's seed, gradients, signals and
/// updates. A line a skip, told apart by its dashes too.
std::string study_curves(const StudyReport& report, int64_t depth);

/// The styles of those lines, for the head of the content.
std::string study_curve_styles();

}  // namespace skipzoo
