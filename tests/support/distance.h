#pragma once

#include <torch/types.h>

namespace skipzoo {

/// The norm of a - b.
inline double distance(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.to(torch::kDouble) - b.to(torch::kDouble)).norm().item<double>();
}

}  // namespace skipzoo
