#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tools/report/label_scores.h"

namespace skipzoo {

/// Pictures by how much they are taken for one class, the most first. What is
/// asked of it counts pictures once or, as a bootstrap draws them, `times`: by
/// their numbers; empty: once each.
class Ranking {
 public:
  /// scores: a number each, none of them nan. has: 1 for a picture of the
  /// class, else 0.
  Ranking(std::span<const float> scores, std::span<const uint8_t> has);

  /// Sum of (R_n - R_{n-1}) * P_n, precision and recall at each score that
  /// there is, falling: scikit-learn's average_precision_score. 0 where no
  /// picture is of the class.
  double average_precision(std::span<const int32_t> times = {}) const;

  /// Where F1 is highest, of thresholds that are equally good the highest. Half
  /// way from the last score that counts to the next one (to 0 below the last
  /// of all): a score that another batch rounds otherwise stays on its side.
  /// 0.5 where no picture is of the class.
  double best_threshold() const;

  /// All that is known at a threshold, average precision too.
  LabelScores at(double threshold, std::span<const int32_t> times = {}) const;

 private:
  struct Picture {
    float score;
    int32_t number;
    bool has;
  };
  std::vector<Picture> pictures_;
};

}  // namespace skipzoo
