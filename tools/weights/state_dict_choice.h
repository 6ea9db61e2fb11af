#pragma once

#include <vector>

#include "tools/weights/pickled_tensors.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

/// The one of `holders`, which are those of `root`, that collect_state_dict()
/// takes, by its rules. Throws std::runtime_error where there is none, or
/// several.
const TensorHolder& choose_state_dict(const Pickle& root,
                                      const std::vector<TensorHolder>& holders,
                                      const ReadOptions& options);

}  // namespace skipzoo
