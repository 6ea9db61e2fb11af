#pragma once

#include <memory>
#include <optional>

#include "tools/data/batch.h"
#include "tools/train/collective.h"
#include "tools/train/distill.h"
#include "tools/train/loss_scaler.h"
#include "tools/train/objective.h"
#include "tools/train/optimizer.h"
#include "tools/train/options.h"
#include "tools/train/state_section.h"

namespace skipzoo {

struct Classifier;

/// One step of training: forward, loss, backward, update. What `train` does for
/// each batch, and what `benchmark` measures.
///
/// Reads nothing back from the device and branches on none of its values, so
/// that on CUDA a whole step can be recorded as a graph: RecordedStep. But of
/// several processes, and where it is made of parts.
class TrainingStep {
 public:
  /// Holds on to model and optimizer, and sets the model's stochastic depth.
  /// teacher: the one that options.distill names, or none.
  TrainingStep(Classifier& model, Optimizer& optimizer,
               const TrainOptions& options,
               std::shared_ptr<Collective> collective = single_process(),
               Teacher teacher = {});

  struct Result {
    torch::Tensor loss;    ///< Detached; of this process's batch, a teacher's
                           ///< part included.
    torch::Tensor logits;  ///< Detached, (N, classes).
  };
  /// images: float (N, C, H, W), normalised. Both on the model's device. At the
  /// optimizer's learning rate. Of several processes, each picture of all of
  /// them counts alike, however many are here; none may be: (0, C, H, W).
  /// is_few: whether one of them, the same one or not, has less than two.
  Result operator()(const torch::Tensor& images, const Targets& targets,
                    bool is_few = false);

  /// A step in parts: adds the gradient of one, weighted by its pictures.
  Result accumulate(const torch::Tensor& images, const Targets& targets,
                    bool is_few = false);
  /// The step of the parts so far, as of one batch of all their pictures, those
  /// of other processes too. Returns whether there were any.
  bool update();
  /// Of the last whole step's gradients; none: of one process, or not known.
  std::optional<ReductionTimes> reduction_times();
  /// Forgets the parts so far, which another process has as well.
  void drop_parts();
  /// The parts so far, for a checkpoint; for as long as this lives.
  StateSection section();
  /// That of the loss scaler, of Amp::kFp16; else without content.
  StateSection scaler_section();

 private:
  torch::Tensor logits_of(const torch::Tensor& images, bool is_few);
  /// Adds the gradient of `weight` times the loss.
  Result add_gradient(const torch::Tensor& images, const Targets& targets,
                      bool is_few, const torch::Tensor& weight,
                      GradientReduction* reduction = nullptr);
  /// Zero, whose backward pass gives every parameter a gradient.
  torch::Tensor nothing_of(const torch::Tensor& images);
  /// What this process's mean counts for, so that the mean over processes is
  /// that of all pictures.
  torch::Tensor share_of(const Targets& targets);
  /// From the gradients to the update of the weights.
  void finish();
  void sum_gradients();
  int64_t pictures_of_all(int64_t here);
  /// Of the parameters that train now; null: of one process.
  GradientReduction* reduction();

  Classifier& model_;
  Optimizer& optimizer_;
  Amp amp_;
  std::optional<LossScaler> scaler_;
  Objective objective_;
  MeanBy mean_by_;
  DistillOptions distill_;
  Teacher teacher_;
  double clip_grad_;
  ClipMode clip_mode_;
  int64_t pictures_ = 0;  ///< Of the parts so far.
  std::shared_ptr<Collective> collective_;
  StatisticsSumPtr statistics_;  ///< Of train.sync_bn; null: its own.
  std::unique_ptr<GradientReduction> reduction_;
  std::vector<const void*> reduced_;  ///< The parameters that it is of.
};

}  // namespace skipzoo
