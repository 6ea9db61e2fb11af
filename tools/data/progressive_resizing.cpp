#include "tools/data/progressive_resizing.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace skipzoo {

void ProgressiveResizingOptions::validate(Problems& problems) const {
  if (min_res == 0 && max_res > 0) {
    problems.push_back("min_res is missing; pictures grow from it");
  }
  if (min_res > 0 && max_res == 0) {
    problems.push_back("max_res is missing; pictures grow to it");
  }
  if (max_res > 0 && min_res > max_res) {
    problems.push_back("min_res is " + std::to_string(min_res) +
                       " but max_res is " + std::to_string(max_res) +
                       "; pictures grow from the first to the second");
  }
  if (enabled() && start_ramp > end_ramp) {
    problems.push_back("start_ramp is " + std::to_string(start_ramp) +
                       " but end_ramp is " + std::to_string(end_ramp) +
                       "; pictures grow from the first epoch to the second");
  }
}

int64_t ProgressiveResizingOptions::size_in_epoch(int64_t epoch) const {
  if (epoch <= start_ramp) return min_res;
  if (epoch >= end_ramp) return max_res;
  // numpy.interp's own order of operations.
  const double slope = static_cast<double>(max_res - min_res) /
                       static_cast<double>(end_ramp - start_ramp);
  const double size = slope * static_cast<double>(epoch - start_ramp) +
                      static_cast<double>(min_res);
  const auto multiples = static_cast<int64_t>(
      std::nearbyint(size / static_cast<double>(multiple)));
  return std::clamp(multiples * multiple, min_res, max_res);
}

}  // namespace skipzoo
