#include "models/kernels/ops/dense_block.h"

#include <torch/csrc/autograd/custom_function.h>

#include "models/kernels/kernels.h"
#include "models/kernels/ops/autocast.h"
#include "models/kernels/ops/cuda_dense_block.h"
#include "models/kernels/ops/dense_block_passes.h"

namespace skipzoo {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;

class DenseBlockFunction
    : public torch::autograd::Function<DenseBlockFunction> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          at::TensorList,
                          const std::vector<DenseLayerParts>& layers,
                          const DenseDropout& dropout) {
    const NoAutograd no_autograd;
    DenseForward pass(x, layers);
    for (const auto& layer : layers) pass.add_layer(layer, dropout);
    const auto features = pass.features();
    variable_list saved = {features};
    saved.insert(saved.end(), pass.saved().begin(), pass.saved().end());
    context->save_for_backward(std::move(saved));
    context->saved_data["plan"] = c10::IValue::make_capsule(pass.plan());
    return features;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const NoAutograd no_autograd;
    const auto saved = context->get_saved_variables();
    const auto plan = c10::static_intrusive_pointer_cast<BlockPlan>(
        context->saved_data["plan"].toCapsule());
    DenseBackward pass(*plan, saved[0], gradients[0]);
    std::vector<variable_list> of_layers(plan->layers.size());
    const size_t each = saved[2].defined() ? 6 : 3;  // parameters_of() a layer.
    for (size_t i = plan->layers.size(); i-- > 0;) {
      const size_t first = 1 + each * i;
      of_layers[i] = pass.pass_layer(
          i, LayerTensors::of(saved, i), context->needs_input_grad(first + 2),
          each == 6 && context->needs_input_grad(first + 5));
    }
    variable_list all = {pass.input_gradient()};
    for (const auto& own : of_layers) {
      all.insert(all.end(), own.begin(), own.end());
    }
    all.resize(all.size() + 2);  // None of the layers, none of the dropout.
    return all;
  }
};

}  // namespace

std::vector<torch::Tensor> parameters_of(
    const std::vector<DenseLayerParts>& layers) {
  variable_list all;
  for (const auto& layer : layers) {
    all.insert(all.end(),
               {layer.norm1->weight, layer.norm1->bias, layer.conv1->weight});
    if (!layer.norm2) continue;
    all.insert(all.end(),
               {layer.norm2->weight, layer.norm2->bias, layer.conv2->weight});
  }
  return all;
}

namespace {

/// Kernels that compute the block on the GPU that x is on.
CudaKernelsPtr cuda_kernels_for(const torch::Tensor& x,
                                const std::vector<DenseLayerParts>& layers,
                                const DenseDropout& dropout) {
  const auto kernels = cuda_kernels(x.device());
  return kernels && suits_cuda_dense_block(x, layers, dropout)
             ? *kernels
             : CudaKernelsPtr();
}

}  // namespace

bool dense_block_applies(const torch::Tensor& x,
                         const std::vector<DenseLayerParts>& layers,
                         const DenseDropout& dropout) {
  if (!x.device().is_cpu())
    return cuda_kernels_for(x, layers, dropout).defined();
  if (ReferenceOnly::active() || !is_plain_input(as_autocast(x))) return false;
  for (const auto& layer : layers) {
    if (!is_plain_norm(*layer.norm1)) return false;
    if (layer.norm2 && !is_plain_norm(*layer.norm2)) return false;
  }
  return true;
}

torch::Tensor dense_block(const torch::Tensor& x,
                          const std::vector<DenseLayerParts>& layers,
                          const DenseDropout& dropout) {
  if (!x.device().is_cpu()) {
    return cuda_dense_block(cuda_kernels_for(x, layers, dropout), x, layers);
  }
  const auto parameters = parameters_of(layers);
  return DenseBlockFunction::apply(as_autocast(x), at::TensorList(parameters),
                                   layers, dropout);
}

}  // namespace skipzoo
