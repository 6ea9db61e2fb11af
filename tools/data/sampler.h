#pragma once

#include <cstdint>
#include <vector>

#include "tools/data/dataset.h"
#include "tools/data/random.h"

namespace skipzoo {

/// As many pictures as there are, each of a class drawn evenly among those that
/// have any. None of a class comes again before all of it have come.
std::vector<int64_t> balanced_order(const Dataset& dataset, Random& random);

/// How many pictures each class has.
std::vector<int64_t> class_counts(const Dataset& dataset);

}  // namespace skipzoo
