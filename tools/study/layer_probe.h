#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "models/model_options.h"
#include "tools/study/layer_rows.h"
#include "tools/study/layer_signals.h"
#include "tools/train/callback.h"
#include "tools/train/checkpoint.h"
#include "tools/train/state_section.h"

namespace skipzoo {

/// Records what goes on in the layers of a network as it is trained, in
/// layers.csv. The training is the same without it, bit for bit: gradients and
/// weights are only read, in every step, and signals are measured on a twin of
/// the network that is given its weights at the end of each epoch.
class LayerProbe {
 public:
  /// model: on its device, as it begins; its options; what it is measured by;
  /// layers.csv, whose rows of a run that goes on are kept.
  LayerProbe(std::shared_ptr<Classifier> model, ModelOptions network,
             ProbeBatch batch, Objective objective, std::filesystem::path file);
  ~LayerProbe();
  LayerProbe(const LayerProbe&) = delete;
  LayerProbe& operator=(const LayerProbe&) = delete;

  /// For the trainer of that network. This outlives it.
  CallbackFactory callback();
  /// The run stands there, its weights are those: before the first step.
  void begin(const Position& position);
  /// A checkpoint of that place has been written: at the end of an epoch, that
  /// is recorded.
  void saved(const Position& position);

  /// So far.
  const std::vector<LayerRow>& rows() const { return rows_; }

 private:
  class AfterStep;

  void after_step();
  void record(int64_t epoch);
  StateSection section();

  std::shared_ptr<Classifier> model_;
  std::shared_ptr<Classifier> twin_;
  ProbeBatch batch_;
  Objective objective_;
  std::filesystem::path file_;
  std::vector<std::string> layers_;     ///< In the order they run.
  std::vector<torch::Tensor> weights_;  ///< Of model_, in that order.
  std::vector<torch::Tensor> before_;   ///< As they were before a step.
  torch::Tensor sums_;   ///< (2, layers): of gradient norms and update ratios.
  torch::Tensor steps_;  ///< How many; on the CPU.
  std::vector<LayerRow> rows_;
  bool has_begun_ = false;
};

}  // namespace skipzoo
