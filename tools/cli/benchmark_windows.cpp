#include "tools/cli/benchmark_windows.h"

#include <algorithm>

namespace skipzoo {

std::vector<double> seconds_of_windows(const Windows& windows) {
  std::vector<double> seconds;
  double elapsed = 0;
  do {
    windows.start();
    for (int64_t i = 0; i < windows.steps; ++i) windows.launch();
    const double window = windows.stop();
    elapsed += window;
    seconds.push_back(window / static_cast<double>(windows.steps));
  } while (windows.goes_on(static_cast<int64_t>(seconds.size()), elapsed));
  return seconds;
}

double median_of(std::vector<double> values) {
  const auto middle =
      values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace skipzoo
