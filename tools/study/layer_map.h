#pragma once

#include <string>
#include <vector>

#include "tools/study/layer_rows.h"
#include "tools/study/study_page.h"

namespace skipzoo {

/// From the lowest to the highest of values, by their logarithms.
struct LogRange {
  double low = 1;
  double high = 1;

  /// Where a value lies between both, 0 to 1; nan for what has no logarithm.
  double share(double value) const;
};
/// Of all gradient norms that can be shown.
LogRange gradient_range(const std::vector<StudyRun>& runs);

/// Gradient norms of a run, layer by epoch, as colours from dark to light whose
/// tooltips have the numbers, and as a table, folded. Of more than 60 layers or
/// 30 epochs, evenly picked ones.
std::string layer_map(const StudyRun& run, const LogRange& range);

/// What the colours mean.
std::string layer_map_legend(const LogRange& range);

}  // namespace skipzoo
