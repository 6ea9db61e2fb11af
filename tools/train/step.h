#pragma once

#include <memory>

#include "tools/data/batch.h"
#include "tools/train/collective.h"
#include "tools/train/objective.h"
#include "tools/train/optimizer.h"
#include "tools/train/options.h"

namespace skipzoo {

struct Classifier;

/// One step of training: forward, loss, backward, update. What `train` does for
/// each batch, and what `benchmark` measures.
///
/// Reads nothing back from the device and branches on none of its values, so
/// that on CUDA a whole step can be captured as a graph.
class TrainingStep {
 public:
  /// Holds on to model and optimizer.
  TrainingStep(Classifier& model, Optimizer& optimizer,
               const TrainOptions& options,
               std::shared_ptr<Collective> collective = single_process());

  struct Result {
    torch::Tensor loss;    ///< Detached; of this process's batch.
    torch::Tensor logits;  ///< Detached, (N, classes).
  };
  /// images: float (N, C, H, W), normalised. Both on the model's device. At the
  /// optimizer's learning rate; of several processes, by the mean of their
  /// gradients.
  Result operator()(const torch::Tensor& images, const Targets& targets);

 private:
  void average_gradients();

  Classifier& model_;
  Optimizer& optimizer_;
  Amp amp_;
  Objective objective_;
  std::shared_ptr<Collective> collective_;
};

}  // namespace skipzoo
