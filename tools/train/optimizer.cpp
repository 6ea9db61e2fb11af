#include "tools/train/optimizer.h"

#include <ATen/record_function.h>
#include <torch/nn/module.h>
#include <torch/types.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "models/classifier.h"

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

/// A view of its elements as they lie in memory, by rows of the first axis
/// where they lie so. The fused kernels would copy what is not contiguous in
/// the order of its axes.
torch::Tensor in_memory_order(const torch::Tensor& x) {
  if (x.is_contiguous() || !x.is_non_overlapping_and_dense()) return x;
  if (x.stride(0) * x.size(0) != x.numel()) {
    return x.as_strided({x.numel()}, {1});
  }
  return x.as_strided({x.size(0), x.stride(0)}, {x.stride(0), 1});
}

torch::Tensor first_value(const Slot& slot, const torch::Tensor& parameter) {
  switch (slot.kind) {
    case Slot::Kind::kLikeParameter:
      return at::zeros_like(parameter);
    case Slot::Kind::kCopyOfParameter:
      return parameter.clone();
    case Slot::Kind::kScalar:
      return at::zeros({}, parameter.options().dtype(torch::kFloat));
    case Slot::Kind::kProduct:
      return at::ones({}, parameter.options());
  }
  TORCH_CHECK(false, "no such slot");
}

std::vector<torch::Tensor> copies_of(const std::vector<torch::Tensor>& all) {
  std::vector<torch::Tensor> copies;
  for (const auto& one : all) copies.push_back(one.clone());
  return copies;
}

/// Those that a rule has moved, as they were where the update is left out: on
/// the device, which is not asked.
void put_back(const std::vector<torch::Tensor>& moved,
              const std::vector<torch::Tensor>& before,
              const torch::Tensor& found_inf) {
  const auto is_left_out = found_inf.gt(0);
  for (size_t i = 0; i < moved.size(); ++i) {
    moved[i].copy_(at::where(is_left_out, before[i], moved[i]));
  }
}

void apply_rule(const UpdateRule& rule, const Update& update) {
  if (!update.found_inf || rule.heeds_found_inf()) return rule.apply(update);
  auto moved = update.slots;
  moved.push_back(update.parameters);
  std::vector<std::vector<torch::Tensor>> before;
  for (const auto& one : moved) before.push_back(copies_of(one));
  rule.apply(update);
  for (size_t i = 0; i < moved.size(); ++i) {
    put_back(moved[i], before[i], *update.found_inf);
  }
}

/// Which parameters are of the last layer: none where that is not known.
std::string prefix_of_head(const torch::nn::Module& model) {
  const auto* classifier = dynamic_cast<const Classifier*>(&model);
  return classifier != nullptr ? classifier->head_name() + "." : "";
}

}  // namespace

Optimizer::Optimizer(const OptimizerOptions& options,
                     const torch::nn::Module& model,
                     const std::function<double(const std::string&)>& lr_scale)
    : rules_(make_update_rules(options)) {
  const auto head = prefix_of_head(model);
  for (const auto& item : model.named_parameters()) {
    const auto& parameter = item.value();
    const bool decays = !options.no_decay_norm_bias || parameter.dim() > 1;
    const bool is_head = !head.empty() && item.key().starts_with(head);
    const auto rule = std::ranges::find_if(rules_, [&](const auto& one) {
      return one->takes(parameter, is_head);
    });
    TORCH_CHECK(rule != rules_.end(), "no rule takes ", item.key());
    Group& group = group_of(**rule, decays ? options.weight_decay : 0,
                            lr_scale ? lr_scale(item.key()) : 1, parameter);
    group.names.push_back(item.key());
    group.parameters.push_back(parameter);
    for (size_t s = 0; s < group.kinds.size(); ++s) {
      group.slots[s].push_back(first_value(group.kinds[s], parameter.detach()));
    }
  }
  set_lr(options.lr);
}

Optimizer::Group& Optimizer::group_of(const UpdateRule& rule,
                                      double weight_decay, double lr_scale,
                                      const torch::Tensor& parameter) {
  for (auto& group : groups_) {
    if (group.rule == &rule && group.weight_decay == weight_decay &&
        group.lr_scale == lr_scale) {
      return group;
    }
  }
  Group& group = groups_.emplace_back();
  group.rule = &rule;
  group.kinds = rule.slots();
  group.weight_decay = weight_decay;
  group.lr_scale = lr_scale;
  // On the CPU a double, as where it is given as a number; CUDA's fused kernels
  // read a float.
  group.lr = at::zeros(
      {}, at::TensorOptions(parameter.device())
              .dtype(parameter.is_cpu() ? torch::kDouble : torch::kFloat));
  group.slots.resize(group.kinds.size());
  return group;
}

void Optimizer::set_lr(double lr) {
  for (auto& group : groups_) group.lr.fill_(lr * group.lr_scale);
}

void Optimizer::step(const std::optional<torch::Tensor>& found_inf) {
  torch::NoGradGuard no_grad;
  for (auto& group : groups_) {
    Update update{.parameters = {},
                  .gradients = {},
                  .slots = {group.kinds.size(), std::vector<torch::Tensor>{}},
                  .lr = group.lr,
                  .weight_decay = group.weight_decay,
                  .found_inf = found_inf};
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      const auto& parameter = group.parameters[i];
      if (!parameter.grad().defined()) continue;
      update.parameters.push_back(in_memory_order(parameter.detach()));
      update.gradients.push_back(in_memory_order(matching_gradient(parameter)));
      for (size_t s = 0; s < group.kinds.size(); ++s) {
        update.slots[s].push_back(in_memory_order(group.slots[s][i]));
      }
    }
    if (update.parameters.empty()) continue;
    // The kind that a profile counts it as, whichever operators it takes.
    RECORD_USER_SCOPE("optimizer");
    apply_rule(*group.rule, update);
  }
}

NamedTensors Optimizer::with_gradient() const {
  NamedTensors all;
  for (const auto& group : groups_) {
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      if (group.parameters[i].grad().defined()) {
        all.emplace_back(group.names[i], group.parameters[i]);
      }
    }
  }
  return all;
}

std::vector<torch::Tensor> Optimizer::gradients() const {
  std::vector<torch::Tensor> all;
  for (const auto& entry : with_gradient()) all.push_back(entry.second.grad());
  return all;
}

void Optimizer::set_gradient(const std::string& name,
                             const torch::Tensor& gradient) {
  for (auto& group : groups_) {
    const auto found = std::ranges::find(group.names, name);
    if (found == group.names.end()) continue;
    auto& parameter =
        group.parameters[static_cast<size_t>(found - group.names.begin())];
    if (parameter.sizes() != gradient.sizes()) break;
    parameter.mutable_grad() =
        at::empty_like(parameter.detach()).copy_(gradient);
    return;
  }
  throw std::runtime_error("no parameter fits the gradient of '" + name +
                           "'; was the network another?");
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
      for (size_t s = 0; s < group.kinds.size(); ++s) {
        state.emplace_back(group.kinds[s].name + "." + group.names[i],
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
