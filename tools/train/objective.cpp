#include "tools/train/objective.h"

#include <torch/nn/functional/loss.h>

namespace skipzoo {

Objective make_objective(const TrainOptions& options) {
  const auto how =
      torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(
          options.label_smoothing);
  // LibTorch tells labels from soft targets by their shape, as Targets do.
  return [how](const torch::Tensor& logits, const Targets& targets) {
    return torch::nn::functional::cross_entropy(logits, targets.values, how);
  };
}

}  // namespace skipzoo
