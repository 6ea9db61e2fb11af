#include "models/engine_plan_builder.h"
#include "models/kernels/algorithms/max_pool.h"

namespace skipzoo {

namespace jit = torch::jit;
using torch::Tensor;

void PlanBuilder::visit_max_pool(const jit::Node* node) {
  const auto pair = [&](size_t i) {  // One number stands for both.
    auto numbers = constant(node->input(i)).toIntVector();
    if (numbers.size() == 1) numbers.push_back(numbers[0]);
    return numbers;
  };
  PoolWindow window{pair(1), pair(2), pair(3)};
  if (window.stride.empty()) window.stride = window.size;
  const bool is_known = shape_of(node->output()).size() == 4 &&
                        suits_max_pool(window) &&
                        pair(4) == std::vector<int64_t>{1, 1} &&
                        !constant(node->input(5)).toBool();
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
                     conv.weight.size(2) == 1 && !conv.bias.defined() &&
                     is_dense_convolution(conv);
  return moves ? user : nullptr;
}

size_t PlanBuilder::emit_pool(const jit::Node* pool, size_t from) {
  consumed_.insert(pool);
  const size_t to = new_slot();
  const auto size = constant(pool->input(1)).toIntVector();
  const auto stride = constant(pool->input(2)).toIntVector();
  const auto padding = constant(pool->input(3)).toIntVector();
  add_step(
      [=](Slots& slots) {
        slots[to] =
            torch::avg_pool2d(slots[from].toTensor(), size, stride, padding);
      },
      {from});
  return to;
}

}  // namespace skipzoo
