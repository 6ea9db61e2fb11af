#include <utility>

#include "models/engine_plan_builder.h"
#include "models/kernels/ops/gate.h"

namespace skipzoo {

namespace jit = torch::jit;

namespace {

/// Whether `factors` has one on each channel of `images`, or on each image.
bool gates(const std::vector<int64_t>& images,
           const std::vector<int64_t>& factors) {
  return images.size() == 4 && factors.size() == 4 && factors[2] == 1 &&
         factors[3] == 1 && factors[0] == images[0] &&
         (factors[1] == images[1] || factors[1] == 1);
}

}  // namespace

bool PlanBuilder::is_gate(const jit::Node* node) {
  if (node->kind() != at::aten::mul) return false;
  const auto a = shape_of(node->input(0)), b = shape_of(node->input(1));
  return gates(a, b) || gates(b, a);
}

void PlanBuilder::visit_gate(const jit::Node* node) {
  if (is_constant(node->input(0)) || is_constant(node->input(1))) {
    visit_other(node);  // The same for all images.
  } else if (!waits_for_addition(node)) {
    emit_gate(node, nullptr, ending_of(node));
  }
}

void PlanBuilder::emit_gate(const jit::Node* node, const jit::Value* added,
                            const Ending& ending) {
  const jit::Value* images = node->input(0);
  const jit::Value* factors = node->input(1);
  if (!gates(shape_of(images), shape_of(factors))) std::swap(images, factors);
  std::vector<size_t> reads = {computed(images), computed(factors)};
  if (added != nullptr) reads.push_back(computed(added));
  const size_t to = slot(ending.output);
  add_step(
      [reads, to, relu = ending.relu](Slots& slots) {
        const auto tensor = [&](size_t i) {
          return i < reads.size() ? slots[reads[i]].toTensor()
                                  : torch::Tensor();
        };
        slots[to] = gated_sum(tensor(0), tensor(1), tensor(2), relu);
      },
      reads);
  ready_.insert(ending.output);
  own_memory_.insert(ending.output);
  place(ending.output);
}

}  // namespace skipzoo
