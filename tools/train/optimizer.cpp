#include "tools/train/optimizer.h"

#include <ATen/record_function.h>
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
    : rule_(make_update_rule(options)), slots_(rule_->slots()) {
  for (const auto& item : model.named_parameters()) {
    const auto& parameter = item.value();
    const bool decays = !options.no_decay_norm_bias || parameter.dim() > 1;
    Group& group = group_of(decays ? options.weight_decay : 0,
                            lr_scale ? lr_scale(item.key()) : 1, parameter);
    group.names.push_back(item.key());
    group.parameters.push_back(parameter);
    for (size_t s = 0; s < slots_.size(); ++s) {
      group.slots[s].push_back(
          slots_[s].kind == Slot::Kind::kScalar
              ? at::zeros({}, parameter.options().dtype(torch::kFloat))
              : at::zeros_like(parameter.detach()));
    }
  }
  set_lr(options.lr);
}

Optimizer::Group& Optimizer::group_of(double weight_decay, double lr_scale,
                                      const torch::Tensor& parameter) {
  for (auto& group : groups_) {
    if (group.weight_decay == weight_decay && group.lr_scale == lr_scale) {
      return group;
    }
  }
  Group& group = groups_.emplace_back();
  group.weight_decay = weight_decay;
  group.lr_scale = lr_scale;
  // On the CPU a double, as where it is given as a number; CUDA's fused kernels
  // read a float.
  group.lr = at::zeros(
      {}, at::TensorOptions(parameter.device())
              .dtype(parameter.is_cpu() ? torch::kDouble : torch::kFloat));
  group.slots.resize(slots_.size());
  return group;
}

void Optimizer::set_lr(double lr) {
  for (auto& group : groups_) group.lr.fill_(lr * group.lr_scale);
}

void Optimizer::step() {
  torch::NoGradGuard no_grad;
  for (auto& group : groups_) {
    Update update{.parameters = {},
                  .gradients = {},
                  .slots = {slots_.size(), std::vector<torch::Tensor>{}},
                  .lr = group.lr,
                  .weight_decay = group.weight_decay};
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      const auto& parameter = group.parameters[i];
      if (!parameter.grad().defined()) continue;
      update.parameters.push_back(in_memory_order(parameter.detach()));
      update.gradients.push_back(in_memory_order(matching_gradient(parameter)));
      for (size_t s = 0; s < slots_.size(); ++s) {
        update.slots[s].push_back(in_memory_order(group.slots[s][i]));
      }
    }
    if (update.parameters.empty()) continue;
    // The kind that a profile counts it as, whichever operators it takes.
    RECORD_USER_SCOPE("optimizer");
    rule_->apply(update);
  }
}

std::vector<torch::Tensor> Optimizer::gradients() const {
  std::vector<torch::Tensor> all;
  for (const auto& group : groups_) {
    for (const auto& parameter : group.parameters) {
      if (parameter.grad().defined()) all.push_back(parameter.grad());
    }
  }
  return all;
}

void Optimizer::zero_grad() {
  for (auto& group : groups_) {
    for (auto& parameter : group.parameters) {
      parameter.mutable_grad() = torch::Tensor();
    }
  }
}

StateSection Optimizer::section() {
  return {.name = "optimizer",
          .save = [this] { return state(); },
          .load = [this](const NamedTensors& saved) { load_state(saved); },
          .is_optional = state().empty()};
}

NamedTensors Optimizer::state() const {
  NamedTensors state;
  for (const auto& group : groups_) {
    for (size_t i = 0; i < group.names.size(); ++i) {
      for (size_t s = 0; s < slots_.size(); ++s) {
        state.emplace_back(slots_[s].name + "." + group.names[i],
                           group.slots[s][i]);
      }
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
