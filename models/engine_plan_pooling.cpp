#include <algorithm>
#include <optional>

#include "models/engine_plan_builder.h"
#include "models/kernels/algorithms/average_pool.h"
#include "models/kernels/algorithms/max_pool.h"

namespace skipzoo {

namespace jit = torch::jit;
using torch::Tensor;

PoolWindow PlanBuilder::window_of(const jit::Node* node) const {
  const auto pair = [&](size_t i) {  // One number stands for both.
    auto numbers = constant(node->input(i)).toIntVector();
    if (numbers.size() == 1) numbers.push_back(numbers[0]);
    return numbers;
  };
  const bool is_largest = node->kind() == at::aten::max_pool2d;
  PoolWindow window{pair(1), pair(2), pair(3),
                    constant(node->input(is_largest ? 5 : 4)).toBool()};
  if (window.stride.empty()) window.stride = window.size;
  return window;
}

void PlanBuilder::visit_max_pool(const jit::Node* node) {
  const PoolWindow window = window_of(node);
  const auto dilation = constant(node->input(4)).toIntVector();
  const bool is_known =
      shape_of(node->output()).size() == 4 && suits_max_pool(window) &&
      std::ranges::all_of(dilation, [](int64_t step) { return step == 1; });
  if (!is_known) {
    visit_other(node);
    return;
  }
  const size_t from = computed(node->input(0)), to = slot(node->output());
  add_step(
      [=](Slots& slots) {
        slots[to] = max_pool(slots[from].toTensor(), window, slots.memory);
      },
      {from});
  own_memory_.insert(node->output());
  place(node->output());
}

std::optional<PoolWindow> PlanBuilder::average_window(
    const jit::Node* node) const {
  const auto window = window_of(node);
  const bool is_known = shape_of(node->output()).size() == 4 &&
                        suits_average_pool(window) &&
                        constant(node->input(6)).isNone();
  return is_known ? std::optional(window) : std::nullopt;
}

void PlanBuilder::visit_average_pool(const jit::Node* node) {
  const auto window = average_window(node);
  if (!window) {
    visit_other(node);
    return;
  }
  const jit::Value* output = node->output();
  const size_t from = computed(node->input(0));
  if (const auto found = places_.find(output); found != places_.end()) {
    emit_placed_pool(*window, from, found->second);
    if (is_read_alone(output)) {
      visit_part(output, found->second, channels(output));
    }
  } else {
    emit_pool(*window, from, slot(output));
  }
  own_memory_.insert(output);
  ready_.insert(output);
}

void PlanBuilder::emit_pool(const PoolWindow& window, size_t from, size_t to) {
  add_step(
      [=](Slots& slots) {
        const Tensor x = slots[from].toTensor();
        const auto pooled =
            slots.memory(average_pool_sizes(x, window), x.options());
        average_pool(x, window, pooled);
        slots[to] = pooled;
      },
      {from});
}

void PlanBuilder::emit_placed_pool(const PoolWindow& window, size_t from,
                                   const Place& place) {
  add_step(
      [=](Slots& slots) {
        const Tensor x = slots[from].toTensor();
        const auto sizes = average_pool_sizes(x, window);
        const Tensor buffer = buffer_of(slots, place, sizes, x.options());
        average_pool(x, window, buffer.narrow(1, place.channel, sizes[1]));
      },
      {from, place.buffer});
}

void PlanBuilder::visit_average(const jit::Node* node) {
  const auto* size = node->input(1);
  const bool is_of_all =
      shape_of(node->input(0)).size() == 4 && is_constant(size) &&
      constant(size).toIntVector() == std::vector<int64_t>{1, 1};
  if (!is_of_all) {
    visit_other(node);
    return;
  }
  const size_t from = computed(node->input(0)), to = slot(node->output());
  add_step(
      [=](Slots& slots) {
        slots[to] = global_average_pool(slots[from].toTensor(), slots.memory);
      },
      {from});
  place(node->output());
}

const jit::Node* PlanBuilder::movable_pool(const jit::Node* node,
                                           const Convolution& conv) const {
  // 1x1 then mean of 2x2 is mean of 2x2 then 1x1, of a quarter of the pixels.
  const auto* user = only_user(node->output());
  const bool moves = user != nullptr && user->kind() == at::aten::avg_pool2d &&
                     average_window(user) && conv.weight.size(2) == 1 &&
                     !conv.bias.defined() && is_dense_convolution(conv);
  return moves ? user : nullptr;
}

}  // namespace skipzoo
