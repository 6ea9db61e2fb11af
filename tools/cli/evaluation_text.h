#pragma once

#include <string>
#include <vector>

#include "tools/train/metrics.h"

namespace skipzoo {

// What `skipzoo evaluate` prints on standard output. classes: their names.

/// One line of JSON. split: what was measured.
void print_json(const Evaluation& result, const std::string& split,
                const std::vector<std::string>& classes);
/// A page of text, with the confusion matrix where it fits a terminal.
void print_text(const Evaluation& result,
                const std::vector<std::string>& classes);

}  // namespace skipzoo
