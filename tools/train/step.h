#pragma once

#include "models/tensor.h"
#include "tools/train/optimizer.h"
#include "tools/train/options.h"

namespace skipzoo {

struct Classifier;

/// One step of training: forward, loss, backward, update. What `train` does for
/// each batch, and what `benchmark` measures.
class TrainingStep {
 public:
  /// Holds on to all three.
  TrainingStep(Classifier& model, Optimizer& optimizer,
               const TrainOptions& options)
      : model_(model), optimizer_(optimizer), options_(options) {}

  struct Result {
    torch::Tensor loss;    ///< Detached; cross entropy, label-smoothed.
    torch::Tensor logits;  ///< Detached, (N, classes).
  };
  /// images: float (N, C, H, W), normalised. labels: int64 (N). Both on the
  /// model's device. lr: the learning rate of this step.
  Result operator()(const torch::Tensor& images, const torch::Tensor& labels,
                    double lr);

 private:
  Classifier& model_;
  Optimizer& optimizer_;
  const TrainOptions& options_;
};

}  // namespace skipzoo
