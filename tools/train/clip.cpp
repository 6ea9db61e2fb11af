#include "tools/train/clip.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_clamp_max.h>
#include <ATen/ops/_foreach_clamp_min.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <vector>

namespace skipzoo {

namespace {

void clip_norm(const std::vector<torch::Tensor>& gradients, double limit) {
  const auto norm =
      at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)));
  at::_foreach_mul_(gradients, (limit / (norm + 1e-6)).clamp_max(1));
}

/// The norm of each output's numbers, or of a vector.
torch::Tensor norm_by_output(const torch::Tensor& x) {
  if (x.dim() <= 1) return at::linalg_vector_norm(x);
  std::vector<int64_t> others;
  for (int64_t axis = 1; axis < x.dim(); ++axis) others.push_back(axis);
  return at::linalg_vector_norm(x, 2, others, /*keepdim=*/true);
}

void clip_adaptively(const torch::Tensor& parameter, double limit) {
  constexpr double kLeastWeights = 1e-3, kLeastGradient = 1e-6;
  const auto most =
      norm_by_output(parameter.detach()).clamp_min(kLeastWeights) * limit;
  const auto norm = norm_by_output(parameter.grad());
  parameter.grad().mul_(
      at::where(norm < most, 1, most / norm.clamp_min(kLeastGradient)));
}

}  // namespace

void clip_gradients(const NamedTensors& parameters, double limit, ClipMode mode,
                    const std::string& head) {
  if (parameters.empty()) return;
  const at::NoGradGuard no_grad;
  std::vector<torch::Tensor> gradients;
  for (const auto& [name, parameter] : parameters) {
    gradients.push_back(parameter.grad());
  }
  switch (mode) {
    case ClipMode::kNorm:
      return clip_norm(gradients, limit);
    case ClipMode::kValue:
      at::_foreach_clamp_min_(gradients, -limit);
      return at::_foreach_clamp_max_(gradients, limit);
    case ClipMode::kAgc:
      for (const auto& [name, parameter] : parameters) {
        if (!name.starts_with(head + ".")) clip_adaptively(parameter, limit);
      }
  }
}

}  // namespace skipzoo
