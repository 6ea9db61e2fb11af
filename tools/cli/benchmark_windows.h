#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace skipzoo {

/// Steps on a device that is asked for more before it has done the last: what
/// is measured are several of them, from the first's beginning to the last's
/// end.
struct Windows {
  std::function<void()> launch;  ///< Asks for a step.
  std::function<void()> start;   ///< Of a stopwatch, on the device.
  /// Waits until the device has come so far; seconds since start().
  std::function<double()> stop;
  /// After each window; whether there is another. elapsed: seconds of all.
  std::function<bool(int64_t windows, double elapsed)> goes_on;
  int64_t steps = 10;  ///< Of a window.
};

/// Seconds of a step in each window, in their order; at least one.
std::vector<double> seconds_of_windows(const Windows& windows);

/// The middle one, or the upper of two; of values in any order, at least one.
double median_of(std::vector<double> values);

}  // namespace skipzoo
