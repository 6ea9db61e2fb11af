#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/train/step.h"

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace skipzoo {

/// What records a step and launches it as a whole: a CudaGraph, whose contract
/// this is, or what stands for one in a test.
class StepGraph {
 public:
  /// What a step leaves to be read.
  struct Outcome {
    TrainingStep::Result result;
    std::vector<torch::Tensor> gradients;  ///< Of each parameter; null: none.
  };
  using Work = std::function<Outcome()>;
  virtual ~StepGraph() = default;
  /// Runs work as it is, where it would be recorded.
  virtual Outcome run(const Work& work) = 0;
  /// Records work and runs none of it. What was recorded before is gone.
  virtual void record(const Work& work) = 0;
  virtual bool is_recorded() const = 0;
  /// Runs what was recorded. Its outcome are the same tensors each time,
  /// written anew; that they are parameters' gradients is up to the caller.
  virtual Outcome replay() = 0;
};
using StepGraphs = std::function<std::unique_ptr<StepGraph>()>;

/// Those of a device; empty where it has none, as the CPU.
StepGraphs step_graphs(torch::Device device);

/// A TrainingStep that is recorded once and then launched as a whole
/// (train.cuda_graph): as many steps, of the same batches, as without, which
/// draw the same random numbers. They compute what those compute: bit for bit
/// where the device's operators always give the same numbers.
///
/// The first steps of a kind of batch (shapes, types, layouts) run as they are.
/// The next one is recorded on tensors of its own, which each batch is copied
/// to from then on. A kind that does not follow itself, as the last, smaller
/// batch of an epoch, is never recorded. One recording is kept, for it holds
/// the memory of a step: the sizes of a run follow each other.
///
/// It is forgotten, and made anew, where parameters or layers begin or cease to
/// train, or lie elsewhere in memory. All else that a step reads are tensors,
/// or options that stay what they are. A step that cannot be recorded runs as
/// it is, which the log says once.
class RecordedStep {
 public:
  /// Holds on to step and model. options: those of the step. graphs: empty:
  /// nothing is recorded, and nothing said. processes: that train together.
  RecordedStep(TrainingStep& step, const torch::nn::Module& model,
               const TrainOptions& options, StepGraphs graphs,
               int64_t processes = 1);

  /// How many steps of one kind it takes until those to come are replayed; 0:
  /// none will be.
  int64_t steps_before() const;
  /// As TrainingStep's; the gradients are there to be read behind it, too. The
  /// next step overwrites what the result holds.
  TrainingStep::Result operator()(const torch::Tensor& images,
                                  const Targets& targets, bool is_few = false);

 private:
  using Kind = std::vector<int64_t>;
  static Kind kind_of(const torch::Tensor& images, const Targets& targets);
  /// What is fixed in a recording besides options and shapes.
  std::vector<int64_t> fixed() const;
  void forget_if_changed();
  StepGraph::Outcome outcome_of(const torch::Tensor& images,
                                const Targets& targets);
  TrainingStep::Result replay();
  TrainingStep::Result record(const torch::Tensor& images,
                              const Targets& targets, const Kind& kind);
  void give_up(const std::string& why);

  TrainingStep& step_;
  const torch::nn::Module& model_;
  StepGraphs graphs_;
  std::vector<torch::Tensor> parameters_;
  std::vector<torch::Tensor> buffers_;
  std::vector<std::shared_ptr<torch::nn::Module>> modules_;

  std::unique_ptr<StepGraph> graph_;  ///< Null: none is recorded any more.
  std::vector<int64_t> fixed_;
  Kind last_;             ///< Of the step before.
  Kind next_;             ///< Which will be recorded,
  int runs_ = 0;          ///< after so many steps of it until now.
  Kind recorded_;         ///< Which is.
  torch::Tensor images_;  ///< What it reads.
  Targets targets_;
};

}  // namespace skipzoo
