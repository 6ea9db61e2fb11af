#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tools/data/dataset.h"
#include "tools/data/random.h"

namespace skipzoo {

/// As many pictures as there are, each of a class drawn evenly among those that
/// have any. None of a class comes again before all of it have come.
std::vector<int64_t> balanced_order(const Dataset& dataset, Random& random);

/// A picture in an epoch.
struct Sample {
  int64_t index = 0;
  int64_t copy = 0;  ///< How often the epoch has shown it before.
};
/// As many samples as there are in the order: the first pictures of it, each
/// `repeats` times one behind the other, as timm's RepeatAugSampler has them
/// for one process. 1: the order itself.
std::vector<Sample> repeated(std::span<const int64_t> order, int64_t repeats);

/// How many pictures each class has; one of several labels is in each of them.
std::vector<int64_t> class_counts(const Dataset& dataset);

}  // namespace skipzoo
