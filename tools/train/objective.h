#pragma once

#include <functional>

#include "tools/data/batch.h"
#include "tools/train/options.h"

namespace skipzoo {

/// The loss that a step of training minimises: logits, float32 (N, classes),
/// and targets -> a scalar, the mean over the batch.
using Objective = std::function<torch::Tensor(const torch::Tensor& logits,
                                              const Targets& targets)>;

/// That of a config: cross entropy, label-smoothed.
Objective make_objective(const TrainOptions& options);

}  // namespace skipzoo
