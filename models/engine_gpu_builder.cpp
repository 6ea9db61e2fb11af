#include "models/engine_gpu_builder.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/relu.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <utility>

#include "models/engine_plan_concatenations.h"

namespace skipzoo {

namespace jit = torch::jit;
using torch::Tensor;

GpuPlanBuilder::GpuPlanBuilder(const Program& program,
                               const FusedConvolutions& fused, GpuPlan& plan)
    : PlanGraph(program), fused_(fused), plan_(plan) {}

void GpuPlanBuilder::build() {
  const auto* images = program_.graph->inputs()[0];
  slot(images);
  find_constants();
  find_varying();
  place_blocks();
  place(images);
  for (const jit::Node* node : program_.graph->nodes()) {
    const bool is_known =
        !node->outputs().empty() && is_constant(node->output());
    if (!is_known && !consumed_.contains(node)) visit(node);
  }
  plan_.output_ = slot(program_.graph->outputs()[0]);
  plan_.done_ = last_reads(reads_, plan_.output_);
  plan_.initial_ = std::move(initial_);
}

void GpuPlanBuilder::add_step(const std::string& name, GpuPlan::Step step,
                              const std::vector<size_t>& reads) {
  plan_.steps_.push_back(std::move(step));
  plan_.names_.push_back(name);
  reads_.push_back(reads);
}

void GpuPlanBuilder::visit(const jit::Node* node) {
  if (node->kind() == c10::prim::ListConstruct) {
    visit_list(node);
  } else if (node->kind() == at::aten::batch_norm) {
    visit_norm(node);
  } else if (node->kind() == at::aten::_convolution) {
    visit_convolution(node);
  } else if (node->kind() == at::aten::add) {
    visit_sum(node);
  } else if (node->kind() == at::aten::relu) {
    visit_relu(node);
  } else if (node->kind() == at::aten::cat &&
             places_.contains(node->output())) {
    visit_placed_cat(node);
  } else {
    visit_other(node);
  }
}

void GpuPlanBuilder::visit_list(const jit::Node* node) {
  if (const auto list = list_of(node)) add_step("list", *list, list->reads);
}

void GpuPlanBuilder::visit_norm(const jit::Node* node) {
  const auto* relu = only_user(node->output());
  bool is_left = relu != nullptr && relu->kind() == at::aten::relu;
  for (size_t i = 1; i <= 4; ++i)
    is_left = is_left && is_weight(node->input(i));
  const auto* reader = is_left ? only_user(relu->output()) : nullptr;
  if (reader == nullptr || !takes_activation(reader) ||
      reader->input(0) != relu->output()) {
    // Its numbers stay as exact as they are: ATen takes them so.
    visit_other(node, /*keeps_type=*/true);
    return;
  }
  const auto number = [&](size_t i) {
    return constant(node->input(i)).toTensor().detach().to(at::kDouble);
  };
  const auto scale =
      number(1) / (number(4) + constant(node->input(7)).toDouble()).sqrt();
  consumed_.insert(relu);
  activations_[relu->output()] = {node->input(0), scale,
                                  number(2) - number(3) * scale};
}

void GpuPlanBuilder::visit_relu(const jit::Node* node) {
  const bool in_place = may_overwrite(node->input(0), node);
  const size_t from = slot(node->input(0)), to = slot(node->output());
  add_step(in_place ? "relu_" : "relu",
           [from, to, in_place](Values& values) {
             const Tensor x = values[from].toTensor();
             values[to] = in_place ? x.relu_() : at::relu(x);
           },
           {from});
  own_memory_.insert(node->output());
  place(node->output());
}

void GpuPlanBuilder::visit_sum(const jit::Node* node) {
  const auto *a = node->input(0), *b = node->input(1);
  if (pending_.contains(a) || pending_.contains(b)) {
    visit_pending_sum(node);
    return;
  }
  const auto& alpha = constant(node->input(2));
  const auto sizes = shape_of(node->output());
  const bool is_plain = alpha.isInt() && alpha.toInt() == 1 && a != b &&
                        !sizes.empty() && shape_of(a) == sizes &&
                        shape_of(b) == sizes;
  if (is_plain && !may_overwrite(a, node)) std::swap(a, b);
  if (!is_plain || !may_overwrite(a, node)) {
    visit_other(node);
    return;
  }
  const size_t onto = slot(a), other = slot(b), to = slot(node->output());
  add_step("add_",
           [onto, other, to](Values& values) {
             values[to] =
                 values[onto].toTensor().add_(values[other].toTensor());
           },
           {onto, other});
  own_memory_.insert(node->output());
  place(node->output());
}

void GpuPlanBuilder::visit_other(const jit::Node* node, bool keeps_type) {
  std::vector<size_t> reads;
  for (const auto* input : node->inputs()) {
    reads.push_back(slot(input));
    auto& value = initial_[reads.back()];
    if (value.isTensor() && value.toTensor().is_floating_point()) {
      const auto known = value.toTensor().detach();
      value = keeps_type ? known : known.to(plan_.type_);
    }
  }
  add_operator(node, reads, slot(node->output()));
  constexpr c10::Symbol kOfNewMemory[] = {at::aten::add,
                                          at::aten::avg_pool2d,
                                          at::aten::batch_norm,
                                          at::aten::cat,
                                          at::aten::constant_pad_nd,
                                          at::aten::max_pool2d,
                                          at::aten::_convolution,
                                          at::aten::mul};
  if (std::ranges::find(kOfNewMemory, node->kind()) != std::end(kOfNewMemory)) {
    own_memory_.insert(node->output());
  }
  place(node->output());
}

void GpuPlanBuilder::add_operator(const jit::Node* node,
                                  const std::vector<size_t>& reads, size_t to) {
  add_step(
      node->kind().toUnqualString(),
      [reads, to, operation = node->getOperation()](Values& values) mutable {
        jit::Stack stack;
        for (const size_t read : reads) stack.push_back(values[read]);
        operation(stack);
        values[to] = std::move(stack.back());
      },
      reads);
}

void GpuPlanBuilder::find_varying() {
  varying_.insert(program_.graph->inputs()[0]);
  for (const jit::Node* node : program_.graph->nodes()) {
    if (std::ranges::any_of(node->inputs(), [&](const jit::Value* input) {
          return varying_.contains(input);
        })) {
      varying_.insert(node->outputs().begin(), node->outputs().end());
    }
  }
}

bool GpuPlanBuilder::may_overwrite(const jit::Value* value,
                                   const jit::Node* reader) const {
  return own_memory_.contains(value) && varying_.contains(value) &&
         only_user(value) == reader;
}

void GpuPlanBuilder::place_blocks() {
  for (const auto& [first, cats] : find_blocks()) {
    const jit::Node* longest = longest_of(cats);
    if (can_share_buffer(longest)) share_buffer(cats, longest);
  }
}

void GpuPlanBuilder::place(const jit::Value* value) {
  const auto found = places_.find(value);
  if (found == places_.end()) return;
  const Place place = found->second;
  const size_t from = slot(value);
  add_step("place",
           [place, from](Values& values) {
             const Tensor x = values[from].toTensor();
             auto& buffer = values[place.buffer];
             if (buffer.isNone()) {
               buffer =
                   at::empty({x.size(0), place.width, x.size(2), x.size(3)},
                             x.options(), at::MemoryFormat::ChannelsLast);
             }
             buffer.toTensor().narrow(1, place.channel, x.size(1)).copy_(x);
           },
           {from, place.buffer});
}

void GpuPlanBuilder::visit_placed_cat(const jit::Node* node) {
  // It is there already: the first channels of the block's buffer.
  const Place place = places_.at(node->output());
  const size_t to = slot(node->output());
  add_step("cat",
           [place, to](Values& values) {
             values[to] =
                 values[place.buffer].toTensor().narrow(1, 0, place.channel);
           },
           {place.buffer});
}

}  // namespace skipzoo
