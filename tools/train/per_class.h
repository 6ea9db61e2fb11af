#pragma once

#include <vector>

#include "tools/train/metrics.h"

namespace skipzoo {

// What an epoch is told to be of each class: percent, and nan of a class that
// no picture has.

/// The share of a class's pictures that are taken for it.
std::vector<double> recall_per_class(const Confusion& confusion);
/// How well each class by itself is told from the others; empty where that was
/// not asked for, or a probability is nan.
std::vector<double> average_precision_per_class(const Evaluation& evaluation);

}  // namespace skipzoo
