#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/data/options.h"
#include "tools/data/survey.h"

namespace skipzoo {

/// What is known of the pictures that a network is chosen for.
struct PicturesAtHand {
  DataOptions data;  ///< Where they are: dataset, root or csv, splits, holdout.
  std::vector<std::string> classes;
  std::vector<int64_t> per_class;  ///< Training pictures of each class.
  int64_t training = 0;
  int64_t validation = 0;
  int64_t shorter_side = 0;      ///< The median; in pixels.
  bool are_multi_label = false;  ///< Several labels a picture, or none.
  bool are_grey = false;         ///< All that were looked at.
  ChannelStatistics statistics;

  int64_t largest_class() const;
  int64_t smallest_class() const;
  /// Whether common classes would drown the rare ones: the largest is more than
  /// three times the smallest.
  bool are_unbalanced() const;
};

}  // namespace skipzoo
