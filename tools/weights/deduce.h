#pragma once

#include <vector>

#include "models/model_options.h"
#include "models/named_tensors.h"

namespace skipzoo {

/// Networks whose names and shapes a file may hold, as far as these tell them:
/// of the family of `like`, then of the others. What names cannot tell
/// (strides, which padding) is as in `like`, the number of channels of a
/// picture too; of another family, as it is by default. Without a promise: Fit
/// has the last word, for a layer of one name may be of several families.
std::vector<ModelOptions> networks_of(const NamedTensors& file,
                                      const ModelOptions& like);

}  // namespace skipzoo
