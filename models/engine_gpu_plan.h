#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/kernels/cuda/fused_convolution.h"
#include "models/kernels/cuda/ways.h"
#include "models/program.h"
#include "models/tensor.h"

namespace skipzoo {

/// A program as a list of steps on a GPU, for images of one size: cuDNN's
/// convolutions with bias, addition and ReLU in them, and ATen's operators, in
/// place where nobody else reads what they write over. A value is let go after
/// its last reader. Not run by two threads at once.
class GpuPlan {
 public:
  using Values = std::vector<c10::IValue>;
  using Step = std::function<void(Values&)>;

  /// program: with its BatchNorms folded where they can be, its tensors on the
  /// device. type: what it computes in, weights and activations alike.
  GpuPlan(const Program& program, at::ScalarType type,
          const FusedConvolutions& fused);

  /// (N, C, H, W) -> (N, classes) of `type`. The second images of a batch size
  /// take longer: the ways of each convolution are compared.
  torch::Tensor run(const torch::Tensor& images);

  /// What its steps do, in their order: operators as ATen calls them,
  /// "convolution_relu", "convolution_add_relu", "place" for a copy into the
  /// buffer of a dense block.
  const std::vector<std::string>& steps() const { return names_; }

 private:
  Values initial_;  ///< Constants, weights; the images go to slot 0.
  std::vector<Step> steps_;
  std::vector<std::string> names_;
  std::vector<std::vector<size_t>> done_;  ///< Slots not read after a step.
  size_t output_ = 0;
  at::ScalarType type_;

  friend class GpuPlanBuilder;
};

}  // namespace skipzoo
