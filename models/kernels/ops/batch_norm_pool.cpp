#include "models/kernels/ops/batch_norm_pool.h"

#include <torch/csrc/autograd/custom_function.h>

#include <limits>

#include "models/kernels/blocking/optional_tensor.h"
#include "models/kernels/cuda/batch_norm_pool.h"
#include "models/kernels/cuda/packs.h"
#include "models/kernels/ops/cuda_batch_norm.h"

namespace skipzoo {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// What a call is besides its tensors.
struct CudaPoolCall {
  CudaKernelsPtr kernels;
  Tensor numbers;  ///< Of the batch or the running ones.
  bool training = false;
  bool with_taps = false;
};

class CudaBatchNormPool : public torch::autograd::Function<CudaBatchNormPool> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable&, const Variable&,
                          const CudaPoolCall& call) {
    const NoAutograd no_autograd;
    const auto made =
        normalised_pool(*call.kernels, x, call.numbers, call.with_taps);
    context->save_for_backward({x, made.taps, call.numbers});
    context->saved_data["kernels"] = c10::IValue::make_capsule(call.kernels);
    context->saved_data["training"] = call.training;
    return made.y;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const NoAutograd no_autograd;
    const auto saved = context->get_saved_variables();
    const auto kernels = c10::static_intrusive_pointer_cast<CudaKernels>(
        context->saved_data["kernels"].toCapsule());
    constexpr size_t kX = 0, kWeight = 1, kBias = 2;
    const auto made = norm_pool_gradients(
        *kernels, gradients[0],
        {.x = saved[0],
         .taps = saved[1],
         .numbers = saved[2],
         .training = context->saved_data["training"].toBool()},
        {.x = context->needs_input_grad(kX),
         .weight_or_bias = context->needs_input_grad(kWeight) ||
                           context->needs_input_grad(kBias)});
    return {made.x, made.weight, made.bias, Variable()};
  }
};

}  // namespace

Verdict suits_cuda_batch_norm_pool(const Tensor& x,
                                   const torch::nn::BatchNorm2dImpl& norm) {
  constexpr int64_t kMostPacks = std::numeric_limits<int>::max();
  const auto alone = suits_cuda_batch_norm(x, norm, {.relu = true});
  if (!alone) return alone;
  if (x.size(1) % cuda::kPack != 0) {
    return declined("no multiple of # channels: #", cuda::kPack, x.size(1));
  }
  if (x.numel() / cuda::kPack > kMostPacks) {
    return declined("more than # elements", kMostPacks * cuda::kPack);
  }
  return taken("the maxima of # channels, nothing written between", x.size(1));
}

Tensor cuda_batch_norm_pool(const CudaKernelsPtr& kernels, const Tensor& x,
                            torch::nn::BatchNorm2d& norm) {
  const CudaPoolCall call{
      .kernels = kernels,
      .numbers = numbers_of(*kernels, x, *norm),
      .training = norm->is_training(),
      .with_taps = at::GradMode::is_enabled() &&
                   (x.requires_grad() || norm->weight.requires_grad() ||
                    norm->bias.requires_grad())};
  return CudaBatchNormPool::apply(x, norm->weight, norm->bias, call);
}

Tensor batch_norm_pool(const Tensor& x, torch::nn::BatchNorm2d& norm,
                       Kernels kernels) {
  if (kernels == Kernels::kFused && x.device().is_cuda()) {
    const auto own = cuda_kernels(x.device());
    if (own && suits_cuda_batch_norm_pool(x, *norm)) {
      return cuda_batch_norm_pool(own.shape, x, norm);
    }
  }
  return torch::max_pool2d(batch_norm(x, norm, {.relu = true}, kernels),
                           /*kernel_size=*/3, /*stride=*/2, /*padding=*/1);
}

}  // namespace skipzoo
