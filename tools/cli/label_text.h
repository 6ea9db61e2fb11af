#pragma once

#include <string>
#include <vector>

#include "tools/train/metrics.h"

namespace skipzoo {

// What `skipzoo evaluate` prints where pictures have several labels each.
// classes: their names. from_network: whether the thresholds are the network's,
// or those that are best on these pictures.

/// One line of JSON. split: what was measured.
void print_labels_json(const Evaluation& result, const std::string& split,
                       const std::vector<std::string>& classes,
                       bool from_network);
/// A page of text.
void print_labels_text(const Evaluation& result,
                       const std::vector<std::string>& classes,
                       bool from_network);

}  // namespace skipzoo
