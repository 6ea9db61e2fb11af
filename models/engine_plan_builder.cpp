#include "models/engine_plan_builder.h"

#include <optional>
#include <string>
#include <utility>

namespace skipzoo {

namespace jit = torch::jit;
using torch::Tensor;

PlanBuilder::PlanBuilder(const Program& program, EnginePlan& plan)
    : PlanGraph(program), plan_(plan) {}

void PlanBuilder::add_step(Step step, const std::vector<size_t>& reads) {
  plan_.steps_.push_back(std::move(step));
  plan_.work_.push_back(work_of(current_));
  reads_.push_back(reads);
}

const jit::Value* PlanBuilder::viewed(const jit::Value* value) {
  while (value->node()->kind() == at::aten::unsqueeze ||
         value->node()->kind() == at::aten::t) {
    value = value->node()->input(0);
  }
  return value;
}

LayerTime PlanBuilder::work_of(const jit::Node* node) const {
  const auto numel = [](const jit::Value* value) {
    const auto shape = shape_of(value);
    return shape.empty() ? 0.0
                         : static_cast<double>(c10::multiply_integers(shape));
  };
  LayerTime work{.name = node->kind().toUnqualString()};
  const auto size = static_cast<double>(c10::elementSize(plan_.type_));
  const double results =
      node->outputs().size() == 1 ? numel(node->output()) : 0;
  work.bytes = size * results;
  const bool is_linear = node->kind() == at::aten::addmm;
  if (is_linear || node->kind() == at::aten::_convolution) {
    const auto* weight = viewed(node->input(is_linear ? 2 : 1));
    const std::string name = weight->debugName();
    if (is_weight(weight)) work.name = name.substr(0, name.rfind('.'));
  }
  for (const auto* input : node->inputs()) {
    if (!is_weight(input)) {
      work.bytes += size * numel(input);
      continue;
    }
    const auto& weight = constant(input).toTensor();
    work.weight_bytes += size * static_cast<double>(weight.numel());
    if (node->kind() != at::aten::_convolution || weight.dim() < 2) continue;
    // One of each output's channels or features is what makes a result.
    work.flops = 2 * results * static_cast<double>(weight[0].numel());
  }
  return work;
}

void PlanBuilder::build() {
  const auto* images = program_.graph->inputs()[0];
  slot(images);
  // Constants first: a convolution looks at what stands behind it.
  find_constants();
  find_dense_blocks();
  current_ = program_.graph->param_node();
  place(images);
  for (const jit::Node* node : program_.graph->nodes()) {
    if (is_constant(node->outputs().empty() ? nullptr : node->output())) {
      continue;
    }
    if (!consumed_.contains(node)) visit(node);
  }
  plan_.output_ = slot(program_.graph->outputs()[0]);
  plan_.done_ = last_reads(reads_, plan_.output_);
  plan_.initial_ = std::move(initial_);
}

void PlanBuilder::visit(const jit::Node* node) {
  current_ = node;
  if (node->kind() == c10::prim::ListConstruct) {
    visit_list(node);
  } else if (node->kind() == at::aten::batch_norm) {
    visit_norm(node);
  } else if (node->kind() == at::aten::_convolution) {
    visit_convolution(node);
  } else if (node->kind() == at::aten::add) {
    visit_add(node);
  } else if (node->kind() == at::aten::constant_pad_nd) {
    visit_padding(node);
  } else if (is_gate(node)) {
    visit_gate(node);
  } else if (is_linear(node)) {
    visit_linear(node);
  } else if (node->kind() == at::aten::max_pool2d) {
    visit_max_pool(node);
  } else if (node->kind() == at::aten::avg_pool2d) {
    visit_average_pool(node);
  } else if (node->kind() == at::aten::adaptive_avg_pool2d) {
    visit_average(node);
  } else if (node->kind() == at::aten::cat &&
             places_.contains(node->output())) {
    visit_dense_cat(node);
  } else {
    visit_other(node);
  }
}

void PlanBuilder::visit_list(const jit::Node* node) {
  if (const auto list = list_of(node)) add_step(*list, list->reads);
}

void PlanBuilder::visit_norm(const jit::Node* node) {
  const auto number = [&](size_t i) {
    return constant(node->input(i)).toTensor().to(torch::kDouble);
  };
  const auto* relu = only_user(node->output());
  bool is_known = relu != nullptr && relu->kind() == at::aten::relu &&
                  shape_of(node->output()).size() == 4;
  for (size_t i = 1; i <= 4; ++i) {
    is_known = is_known && is_weight(node->input(i));
  }
  if (!is_known) {
    visit_other(node);
    return;
  }
  consumed_.insert(relu);
  const auto scale =
      number(1) / (number(4) + constant(node->input(7)).toDouble()).sqrt();
  const Activation activation{
      node->input(0), scale.to(torch::kFloat),
      (number(2) - number(3) * scale).to(torch::kFloat)};
  const auto* user = only_user(relu->output());
  if (user != nullptr && user->kind() == at::aten::_convolution) {
    activations_[relu->output()] = activation;
  } else {
    emit_activation(activation, relu->output());
  }
}

size_t PlanBuilder::emit_activation(const Activation& activation,
                                    const jit::Value* as) {
  const size_t from = slot(activation.source), to = slot(as);
  add_step(
      [from, to, activation](Slots& slots) {
        slots[to] = affine_relu(slots[from].toTensor(), activation.scale,
                                activation.offset, slots.memory);
      },
      {from});
  ready_.insert(as);
  own_memory_.insert(as);
  return to;
}

size_t PlanBuilder::computed(const jit::Value* value) {
  if (activations_.contains(value) && !ready_.contains(value)) {
    return emit_activation(activations_.at(value), value);
  }
  return slot(value);
}

void PlanBuilder::visit_other(const jit::Node* node) {
  std::vector<size_t> reads;
  for (const auto* input : node->inputs()) {
    computed(input);
    auto& value = initial_[slot(input)];
    if (value.isTensor() && value.toTensor().is_floating_point()) {
      value = value.toTensor().detach().to(plan_.type_);
    }
    reads.push_back(slot(input));
  }
  const size_t to = slot(node->output());
  const bool is_product = node->kind() == at::aten::addmm;
  auto operation = node->getOperation();
  add_step(
      [=](Slots& slots) mutable {
        jit::Stack stack;
        for (const size_t read : reads) stack.push_back(slots[read]);
        operation(stack);
        slots[to] = std::move(stack.back());
        const auto& result = slots[to];
        if (is_product) {
          count_parallel_call();
        } else if (result.isTensor()) {
          count_parallel_call(result.toTensor().numel());
        }
      },
      reads);
  if (node->kind() == at::aten::constant_pad_nd ||
      node->kind() == at::aten::max_pool2d) {
    own_memory_.insert(node->output());
  }
  place(node->output());
}

}  // namespace skipzoo
