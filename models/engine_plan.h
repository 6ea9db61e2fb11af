#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/engine_memory.h"
#include "models/layer_time.h"
#include "models/program.h"
#include "models/tensor.h"

namespace skipzoo {

/// A program as a list of steps, each of which reads and writes numbered slots.
/// Not run by two threads at once.
class EnginePlan {
 public:
  using Values = std::vector<c10::IValue>;
  /// What a run reads and writes.
  struct Slots {
    c10::IValue& operator[](size_t slot) { return values[slot]; }
    Values values = {};
    EngineMemory memory = {};  ///< Of results.
  };
  using Step = std::function<void(Slots&)>;

  /// program: with its BatchNorms folded where they can be. type: what it
  /// computes in.
  EnginePlan(const Program& program, at::ScalarType type);

  torch::Tensor run(const torch::Tensor& images);
  /// The same, and what each step took is added to `times`: those of an earlier
  /// call, or none.
  torch::Tensor run(const torch::Tensor& images, std::vector<LayerTime>& times);
  /// Gives back the memory of its results, until the next run.
  void release_memory() { slots_.memory.release(); }

 private:
  /// Calls around(i, step) for each step; it calls that once.
  template <typename Around>
  torch::Tensor run_steps(const torch::Tensor& images, const Around& around);
  /// Behind the last of those from step i on that a Team runs; i where there is
  /// no such step.
  size_t end_of_team(size_t i) const;

  Values initial_;  ///< Constants, weights; the images go to slot 0.
  Slots slots_;     ///< Between runs as in the beginning; none after a failure.
  std::vector<Step> steps_;
  std::vector<LayerTime> work_;  ///< Of each step on one image; no seconds.
  std::vector<std::vector<size_t>> done_;  ///< Slots not read after a step.
  /// Whether a step ran without threads of LibTorch's on such images, when that
  /// was seen last.
  std::vector<bool> is_own_;
  at::DimVector seen_;
  size_t output_ = 0;
  at::ScalarType type_;

  friend class PlanBuilder;
};

}  // namespace skipzoo
