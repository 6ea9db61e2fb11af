#include "tools/data/batch.h"

#include <ATen/ops/one_hot.h>

namespace skipzoo {

torch::Tensor Targets::labels() const {
  return is_soft() ? values.argmax(1) : values;
}

torch::Tensor Targets::soft(int64_t classes) const {
  return is_soft() ? values : at::one_hot(values, classes).to(torch::kFloat);
}

Targets Targets::to(torch::Device device) const {
  const auto moved = [&](const torch::Tensor& tensor) {
    return tensor.defined() ? tensor.to(device, /*non_blocking=*/true) : tensor;
  };
  return {moved(values), moved(weights)};
}

}  // namespace skipzoo
