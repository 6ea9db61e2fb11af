#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace skipzoo {

/// A step of a sweep over learning rates.
struct LrPoint {
  double lr = 0;
  double loss = 0;      ///< Of its pictures.
  double smoothed = 0;  ///< The mean of those so far, the last ones most.
};

/// What a sweep found. Text is UTF-8 and need not be escaped.
struct LrReport {
  std::string title;
  std::string network;                   ///< E.g. "resnet, 269722 parameters".
  std::vector<LrPoint> points;           ///< By rising rate; at least one.
  std::optional<size_t> suggested = {};  ///< Which of them.
  bool diverged = false;  ///< Whether it ended before the last rate.
  std::string config_yaml;
};

/// One self-contained HTML page: the curve, the suggestion, the numbers.
std::string lr_page(const LrReport& report);

/// The numbers alone, a line a step.
std::string lr_csv(const std::vector<LrPoint>& points);

/// A rate as people write one: three digits, "0.00363" or "1e-08".
std::string rate_text(double lr);

}  // namespace skipzoo
