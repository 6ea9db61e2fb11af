#include <memory>

#include "models/engine_plan_builder.h"
#include "models/kernels/simd/processor.h"

namespace skipzoo {

namespace jit = torch::jit;
using torch::Tensor;

bool PlanBuilder::is_linear(const jit::Node* node) const {
  const bool is_ours = plan_.type_ == at::kFloat ||
                       (plan_.type_ == at::kBFloat16 && has_avx512_bf16());
  if (node->kind() != at::aten::addmm || !is_ours) return false;
  const auto is_one = [&](const jit::Value* value) {
    return is_constant(value) && constant(value).isScalar() &&
           constant(value).toScalar().toDouble() == 1;
  };
  const auto *bias = node->input(0), *weight = node->input(2);
  return is_weight(bias) && is_weight(weight) &&
         constant(bias).toTensor().dim() == 1 && is_one(node->input(3)) &&
         is_one(node->input(4));
}

void PlanBuilder::visit_linear(const jit::Node* node) {
  const auto read = [&](size_t i) {
    return constant(node->input(i)).toTensor().detach().to(plan_.type_);
  };
  const auto bias = read(0), weight = read(2);
  const int64_t in = weight.size(0), out = weight.size(1);
  // A 1x1 convolution of images of one pixel.
  const auto of_few = std::make_shared<Im2colConvolution>(
      weight.t().reshape({out, in, 1, 1}), bias, /*stride=*/1, ExtraPadding());
  const size_t from = computed(node->input(1)), to = slot(node->output());
  add_step(
      [=](Slots& slots) {
        const auto& x = slots[from].toTensor();
        const int64_t images = x.size(0);
        Choosing choosing([&] {
          return ConvolutionCall{.images = {images, in}, .kernel = {out, in}};
        });
        if (!choosing.takes(
                Algorithm::kIm2col,
                Im2colConvolution::suits({images, in, 1, 1}, {out, in, 1, 1}, 1,
                                         ExtraPadding()))) {
          choosing.takes(Algorithm::kLibTorch, taken(""));
          count_parallel_call();
          slots[to] = torch::addmm(bias, x, weight);
          return;
        }
        const auto pixels = x.contiguous().view({images, in, 1, 1});
        slots[to] =
            (*of_few)(pixels, /*relu=*/false, slots.memory).view({images, out});
      },
      {from});
  place(node->output());
}

}  // namespace skipzoo
