#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "models/kernels/ops/batch_norm.h"

namespace skipzoo {

/// A BatchNorm with what follows it, for kernels of our own against LibTorch's
/// operators in float64.
struct NormCase {
  std::vector<int64_t> shape;
  at::ScalarType type = at::kFloat;
  bool relu = true;
  bool residual = true;
  bool training = true;
  double mean = 3;  ///< Of the pictures, whose deviation is 1.

  std::string name() const;
};

/// How one way computes relu(norm(x) + residual).
using NormWay = std::function<torch::Tensor(
    const torch::Tensor& x, torch::nn::BatchNorm2d& norm, const Epilogue&)>;

/// Everything that one way of computing gives, by its name: results, gradients
/// and moved statistics.
using NormOutcome = std::vector<std::pair<std::string, torch::Tensor>>;

/// Of the case's numbers, whose type is the case's, in that type or, for the
/// truth, in float64.
NormOutcome outcome_of(const NormCase& c, torch::Device device, bool in_double,
                       const NormWay& way);
/// By LibTorch's operators on the CPU in float64.
NormOutcome true_outcome(const NormCase& c);

/// Fails where one is further from the truth than rounding explains.
void expect_true(const NormCase& c, const NormOutcome& found,
                 const NormOutcome& truth);

}  // namespace skipzoo
