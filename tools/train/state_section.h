#pragma once

#include <functional>
#include <string>

#include "models/named_tensors.h"

namespace skipzoo {

/// One part of what a run goes on from, by the name that it has in checkpoints.
struct StateSection {
  std::string name;  ///< Without '/'.
  std::function<NamedTensors()> save;
  /// Throws std::runtime_error where what was saved does not fit.
  std::function<void(const NamedTensors&)> load;
  /// Older checkpoints lack it; then it is not loaded.
  bool is_optional = false;
};

}  // namespace skipzoo
