#include <algorithm>
#include <memory>
#include <utility>

#include "models/engine_plan_builder.h"

namespace skipzoo {

namespace jit = torch::jit;
using torch::Tensor;

PlanBuilder::Convolution PlanBuilder::read_convolution(
    const jit::Node* node) const {
  const auto numbers = [&](size_t i) {
    return constant(node->input(i)).toIntVector();
  };
  Convolution conv;
  conv.weight = constant(node->input(1))
                    .toTensor()
                    .detach()
                    .to(plan_.type_)
                    .contiguous(at::MemoryFormat::ChannelsLast);
  const auto& bias = constant(node->input(2));
  if (bias.isTensor()) conv.bias = bias.toTensor().detach();
  conv.shape = {.padding = numbers(4),
                .stride = numbers(3),
                .dilation = numbers(5),
                .groups = constant(node->input(8)).toInt()};
  return conv;
}

PlanBuilder::Ending PlanBuilder::ending_of(const jit::Node* node) {
  const auto* user = only_user(node->output());
  if (user == nullptr || user->kind() != at::aten::relu) {
    return {node->output(), false};
  }
  consumed_.insert(user);
  return {user->output(), true};
}

void PlanBuilder::visit_padding(const jit::Node* node) {
  const auto* user = only_user(node->output());
  const bool is_read_so =
      user != nullptr && user->kind() == at::aten::_convolution &&
      user->input(0) == node->output() && convolves_by_constants(user) &&
      is_constant(node->input(1)) && is_constant(node->input(2)) &&
      constant(node->input(2)).toScalar().toDouble() == 0;
  if (pads_channels(node)) {
    visit_channel_padding(node);
    return;
  }
  // Left, right, top, bottom; those of other axes would follow.
  const auto zeros = is_read_so ? constant(node->input(1)).toIntVector()
                                : std::vector<int64_t>();
  if (zeros.size() != 4 || *std::ranges::min_element(zeros) < 0) {
    visit_other(node);
    return;
  }
  padded_[node->output()] = {node->input(0),
                             {.top = zeros[2],
                              .left = zeros[0],
                              .bottom = zeros[3],
                              .right = zeros[1]}};
}

bool PlanBuilder::pads_channels(const jit::Node* node) const {
  if (shape_of(node->output()).size() != 4 || !is_constant(node->input(1)) ||
      !is_constant(node->input(2)) ||
      constant(node->input(2)).toScalar().toDouble() != 0) {
    return false;
  }
  const auto zeros = constant(node->input(1)).toIntVector();
  return zeros.size() == 6 && *std::ranges::min_element(zeros) >= 0 &&
         std::all_of(zeros.begin(), zeros.begin() + 4,
                     [](int64_t count) { return count == 0; });
}

void PlanBuilder::visit_channel_padding(const jit::Node* node) {
  const auto zeros = constant(node->input(1)).toIntVector();
  const size_t from = computed(node->input(0)), to = slot(node->output());
  add_step(
      [=](Slots& slots) {
        slots[to] = pad_channels(slots[from].toTensor(), zeros[4], zeros[5],
                                 slots.memory);
      },
      {from});
  own_memory_.insert(node->output());
  place(node->output());
}

bool PlanBuilder::waits_for_addition(const jit::Node* node) {
  const auto* user = only_user(node->output());
  const bool waits = user != nullptr && user->kind() == at::aten::add &&
                     takes_addition(node, user) && !is_placed_sum(user);
  if (waits) pending_[node->output()] = node;
  return waits;
}

void PlanBuilder::visit_convolution(const jit::Node* node) {
  if (!convolves_by_constants(node)) {
    visit_other(node);
    return;
  }
  if (waits_for_addition(node) || waits_for_paths(node)) return;
  emit_convolution(node, nullptr, ending_of(node));
}

void PlanBuilder::visit_add(const jit::Node* node) {
  if (is_placed_sum(node)) {
    emit_placed_sum(node);
    return;
  }
  const jit::Value* a = node->input(0);
  const jit::Value* b = node->input(1);
  const auto is_pending_gate = [&](const jit::Value* value) {
    return pending_.contains(value) && is_gate(pending_.at(value));
  };
  // Of two, it goes to the gate: what is added to a convolution is written over
  // or copied, but a gate writes anyway.
  if (!pending_.contains(b) || is_pending_gate(a)) std::swap(a, b);
  if (!pending_.contains(b)) {
    visit_other(node);
    return;
  }
  if (pending_.contains(a)) emit_pending(a);
  const auto ending = ending_of(node);
  if (is_pending_gate(b)) {
    emit_gate(pending_.at(b), a, ending);
  } else {
    emit_convolution(pending_.at(b), a, ending);
  }
}

void PlanBuilder::emit_pending(const jit::Value* value) {
  const auto* node = pending_.at(value);
  if (is_gate(node)) {
    emit_gate(node, nullptr, {value, false});
  } else {
    emit_convolution(node, nullptr, {value, false});
  }
}

void PlanBuilder::emit_convolution(const jit::Node* node,
                                   const jit::Value* added,
                                   const Ending& ending) {
  current_ = node;
  auto conv = read_convolution(node);
  const jit::Value* input = node->input(0);
  if (const auto found = padded_.find(input); found != padded_.end()) {
    input = found->second.source;
    conv.shape.extra = found->second.extra;
  }
  const jit::Node* pool = added == nullptr ? movable_pool(node, conv) : nullptr;
  if (pool == nullptr && added == nullptr &&
      suits_dense_block(conv, input, ending)) {
    emit_dense_convolution(conv, input, ending);
    return;
  }
  size_t from = computed(input);
  const jit::Value* output = ending.output;
  if (pool != nullptr) {
    consumed_.insert(pool);
    const size_t pooled = new_slot();
    emit_pool(*average_window(pool), from, pooled);
    from = pooled;
    output = pool->output();
  }
  const PackedStep step{
      std::make_shared<PackedConvolution>(
          conv.weight,
          conv.bias.defined() ? conv.bias.to(plan_.type_) : Tensor(),
          conv.shape, scratch_),
      from, slot(output), ending.relu};
  if (added == nullptr) {
    emit_packed(step);
  } else {
    emit_packed_sum(step, added, node->output()->uses()[0].user);
  }
  own_memory_.insert(output);
  place(output);
}

void PlanBuilder::emit_packed(const PackedStep& step) {
  add_step(
      [step](Slots& slots) {
        slots[step.to] = (*step.convolution)(slots[step.from].toTensor(),
                                             step.relu, slots.memory);
      },
      {step.from});
}

void PlanBuilder::emit_packed_sum(const PackedStep& step,
                                  const jit::Value* added,
                                  const jit::Node* add) {
  const size_t other = slot(added);
  const bool copies = !may_overwrite(added, add);
  add_step(
      [step, other, copies](Slots& slots) {
        Tensor sum =
            slots[other].toTensor().contiguous(at::MemoryFormat::ChannelsLast);
        if (copies) {
          sum = slots.memory(sum.sizes(), sum.options()).copy_(sum);
          count_parallel_call(sum.numel());
        }
        slots[step.to] = step.convolution->add_to(
            sum, slots[step.from].toTensor(), step.relu);
      },
      {step.from, other});
}

const jit::Node* PlanBuilder::reads_for(const jit::Node* node) const {
  const bool is_left =
      node->outputs().size() == 1 && padded_.contains(node->output());
  return is_left ? only_user(node->output()) : node;
}

bool PlanBuilder::may_overwrite(const jit::Value* value,
                                const jit::Node* reader) const {
  if (!own_memory_.contains(value) || places_.contains(value)) return false;
  for (const auto& use : value->uses()) {
    const jit::Node* user = reads_for(use.user);
    if (user == reader) continue;
    const bool waits = user->outputs().size() == 1 &&
                       pending_.contains(user->output()) &&
                       !ready_.contains(user->output());
    if (waits || !user->isBefore(reader)) return false;
  }
  return true;
}

}  // namespace skipzoo
