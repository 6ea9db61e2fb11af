#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/tensor.h"

namespace skipzoo {

/// Tensors by name, in a fixed order: a state dict, an optimizer's state, the
/// contents of a weight file.
using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

}  // namespace skipzoo
