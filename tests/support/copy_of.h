#pragma once

#include "models/zoo.h"

namespace skipzoo {

/// The state dict of a network as it is now.
inline NamedTensors copy_of(const Classifier& model) {
  NamedTensors copy;
  for (const auto& [name, tensor] : state_dict(model)) {
    copy.emplace_back(name, tensor.detach().clone());
  }
  return copy;
}

}  // namespace skipzoo
