#include "tools/data/batch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/one_hot.h>

#include <algorithm>

#include "tools/data/dataset.h"

namespace skipzoo {

torch::Tensor Targets::labels() const {
  return is_soft() ? values.argmax(1) : values;
}

torch::Tensor Targets::hits(const torch::Tensor& predicted) const {
  if (!is_multi_label) return predicted.eq(labels());
  return values.gather(1, predicted.unsqueeze(1)).squeeze(1).ge(0.5);
}

torch::Tensor Targets::soft(int64_t classes) const {
  return is_soft() ? values : at::one_hot(values, classes).to(torch::kFloat);
}

torch::Tensor tensor_of(std::span<const int64_t> numbers) {
  auto tensor = at::empty({std::ssize(numbers)}, torch::kLong);
  std::ranges::copy(numbers, tensor.mutable_data_ptr<int64_t>());
  return tensor;
}

Targets targets_of(const Dataset& dataset, std::span<const int64_t> indices,
                   bool pinned) {
  const auto options = at::TensorOptions().pinned_memory(pinned);
  const auto count = std::ssize(indices);
  Targets targets;
  targets.is_multi_label = dataset.is_multi_label();
  if (targets.is_multi_label) {
    const auto classes = std::ssize(dataset.classes());
    targets.values = at::empty({count, classes}, options.dtype(torch::kFloat));
    targets.values.zero_();
    auto* row = targets.values.mutable_data_ptr<float>();
    for (const int64_t index : indices) {
      for (const int64_t label : dataset.labels(index)) row[label] = 1;
      row += classes;
    }
  } else {
    targets.values = at::empty({count}, options.dtype(torch::kLong));
    std::ranges::transform(indices, targets.values.mutable_data_ptr<int64_t>(),
                           [&](int64_t index) { return dataset.label(index); });
  }
  if (dataset.is_weighted()) {
    targets.weights = at::empty({count}, options.dtype(torch::kFloat));
    std::ranges::transform(indices, targets.weights.mutable_data_ptr<float>(),
                           [&](int64_t index) {
                             return static_cast<float>(dataset.weight(index));
                           });
  }
  return targets;
}

Targets Targets::to(torch::Device device) const {
  const auto moved = [&](const torch::Tensor& tensor) {
    return tensor.defined() ? tensor.to(device, /*non_blocking=*/true) : tensor;
  };
  return {moved(values), moved(weights), is_multi_label};
}

}  // namespace skipzoo
