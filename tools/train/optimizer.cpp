#include "tools/train/optimizer.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <torch/nn/module.h>
#include <torch/types.h>

#include <map>
#include <stdexcept>

namespace skipzoo {

namespace {

/// Whether equal indices lie at equal places in memory. Strides of dimensions
/// of one element do not matter.
bool same_layout(const torch::Tensor& a, const torch::Tensor& b) {
  for (int64_t d = 0; d < a.dim(); ++d) {
    if (a.size(d) != 1 && a.stride(d) != b.stride(d)) return false;
  }
  return true;
}

/// The gradient in the layout of its parameter: the fused kernels go through
/// memory and ignore strides, so another layout would update other elements.
torch::Tensor matching_gradient(const torch::Tensor& parameter) {
  const auto& gradient = parameter.grad();
  if (same_layout(gradient, parameter)) return gradient;
  return at::empty_like(parameter).copy_(gradient);
}

/// A view of its elements as they lie in memory. The fused kernels would copy
/// what is not contiguous in the order of its axes.
torch::Tensor in_memory_order(const torch::Tensor& x) {
  if (x.is_contiguous() || !x.is_non_overlapping_and_dense()) return x;
  return x.as_strided({x.numel()}, {1});
}

}  // namespace

Optimizer::Optimizer(const OptimizerOptions& options,
                     const torch::nn::Module& model,
                     const std::function<double(const std::string&)>& lr_scale)
    : options_(options) {
  for (const auto& item : model.named_parameters()) {
    const auto& parameter = item.value();
    const bool decays = !options.no_decay_norm_bias || parameter.dim() > 1;
    Group& group = group_of(decays ? options.weight_decay : 0,
                            lr_scale ? lr_scale(item.key()) : 1);
    group.names.push_back(item.key());
    group.parameters.push_back(parameter);
    // Momentum of zeros and a first step without a special case: 0 * m + g.
    group.first.push_back(at::zeros_like(parameter.detach()));
    if (options.name == OptimizerKind::kAdamW) {
      group.second.push_back(at::zeros_like(parameter.detach()));
      group.steps.push_back(
          at::zeros({}, parameter.options().dtype(torch::kFloat)));
    }
  }
}

Optimizer::Group& Optimizer::group_of(double weight_decay, double lr_scale) {
  for (auto& group : groups_) {
    if (group.weight_decay == weight_decay && group.lr_scale == lr_scale) {
      return group;
    }
  }
  Group& group = groups_.emplace_back();
  group.weight_decay = weight_decay;
  group.lr_scale = lr_scale;
  return group;
}

void Optimizer::step(double lr) {
  torch::NoGradGuard no_grad;
  for (auto& group : groups_) step(group, lr * group.lr_scale);
}

void Optimizer::step(Group& group, double lr) {
  std::vector<torch::Tensor> parameters, gradients, first, second, steps;
  for (size_t i = 0; i < group.parameters.size(); ++i) {
    if (!group.parameters[i].grad().defined()) continue;
    parameters.push_back(in_memory_order(group.parameters[i].detach()));
    gradients.push_back(
        in_memory_order(matching_gradient(group.parameters[i])));
    first.push_back(in_memory_order(group.first[i]));
    if (options_.name == OptimizerKind::kSgd) continue;
    second.push_back(in_memory_order(group.second[i]));
    steps.push_back(group.steps[i]);
  }
  if (parameters.empty()) return;
  if (options_.name == OptimizerKind::kSgd) {
    at::_fused_sgd_(
        parameters, gradients,
        options_.momentum == 0 ? std::vector<torch::Tensor>{} : first,
        group.weight_decay, options_.momentum, lr,
        /*dampening=*/0, options_.nesterov, /*maximize=*/false,
        /*is_first_step=*/false);
  } else {
    at::_foreach_add_(steps, 1);
    at::_fused_adamw_(parameters, gradients, first, second, {}, steps, lr,
                      options_.betas[0], options_.betas[1], group.weight_decay,
                      options_.eps, /*amsgrad=*/false,
                      /*maximize=*/false);
  }
}

void Optimizer::zero_grad() {
  for (auto& group : groups_) {
    for (auto& parameter : group.parameters) {
      parameter.mutable_grad() = torch::Tensor();
    }
  }
}

NamedTensors Optimizer::state() const {
  NamedTensors state;
  for (const auto& group : groups_) {
    for (size_t i = 0; i < group.names.size(); ++i) {
      if (options_.name == OptimizerKind::kSgd) {
        state.emplace_back("momentum_buffer." + group.names[i], group.first[i]);
        continue;
      }
      state.emplace_back("exp_avg." + group.names[i], group.first[i]);
      state.emplace_back("exp_avg_sq." + group.names[i], group.second[i]);
      state.emplace_back("step." + group.names[i], group.steps[i]);
    }
  }
  return state;
}

void Optimizer::load_state(const NamedTensors& saved) {
  torch::NoGradGuard no_grad;
  const std::map<std::string, torch::Tensor> by_name(saved.begin(),
                                                     saved.end());
  const auto own = state();
  for (const auto& [name, tensor] : own) {
    const auto found = by_name.find(name);
    if (found == by_name.end() || found->second.sizes() != tensor.sizes()) {
      throw std::runtime_error("the optimizer state has no fitting '" + name +
                               "'; was the optimizer or the network another?");
    }
    tensor.copy_(found->second);
  }
}

}  // namespace skipzoo
