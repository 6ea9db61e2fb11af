#pragma once

#include <cstdint>

namespace skipzoo {

/// How well one of several labels is told, by a network's probabilities for it.
/// Shares, 0 where nothing is there to divide by.
struct LabelScores {
  double average_precision = 0;
  /// Probabilities from here on count as the label.
  double threshold = 0.5;
  double precision = 0;  ///< As recall and F1, at the threshold.
  double recall = 0;
  double f1 = 0;
  int64_t images = 0;  ///< That have the label.
};

}  // namespace skipzoo
