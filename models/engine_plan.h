#pragma once

#include <functional>
#include <vector>

#include "models/program.h"
#include "models/tensor.h"

namespace skipzoo {

/// A program as a list of steps, each of which reads and writes numbered slots.
class EnginePlan {
 public:
  using Slots = std::vector<c10::IValue>;
  using Step = std::function<void(Slots&)>;

  /// program: with its BatchNorms folded where they can be. type: what it
  /// computes in.
  EnginePlan(const Program& program, at::ScalarType type);

  torch::Tensor run(const torch::Tensor& images) const;

 private:
  Slots initial_;  ///< Constants, weights; the images go to slot 0.
  std::vector<Step> steps_;
  std::vector<std::vector<size_t>> done_;  ///< Slots not read after a step.
  size_t output_ = 0;
  at::ScalarType type_;

  friend class PlanBuilder;
};

}  // namespace skipzoo
