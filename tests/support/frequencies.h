#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>

namespace skipzoo {

/// That so many of n draws of probability p are within four standard deviations
/// of what is expected.
inline void expect_frequency(int64_t count, int64_t n, double p,
                             const std::string& what) {
  const auto expected = static_cast<double>(n) * p;
  EXPECT_NEAR(static_cast<double>(count), expected,
              4 * std::sqrt(expected * (1 - p)) + 1e-9)
      << what;
}

/// The mean of n numbers, against that of their distribution.
struct Mean {
  double sum = 0, squares = 0;
  int64_t n = 0;
  void add(double value) {
    sum += value;
    squares += value * value;
    ++n;
  }
  double mean() const { return sum / static_cast<double>(n); }
  double variance() const {
    return squares / static_cast<double>(n) - mean() * mean();
  }
  void expect(double mean_of, double variance_of,
              const std::string& what) const {
    const double deviation = std::sqrt(variance_of / static_cast<double>(n));
    EXPECT_NEAR(mean(), mean_of, 4 * deviation) << what;
    EXPECT_NEAR(variance(), variance_of, 0.05 * variance_of) << what;
  }
};

}  // namespace skipzoo
