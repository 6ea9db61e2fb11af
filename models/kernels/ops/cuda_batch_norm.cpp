#include "models/kernels/ops/cuda_batch_norm.h"

#include <torch/csrc/autograd/custom_function.h>

#include <limits>

#include "models/kernels/algorithms/shared_statistics.h"
#include "models/kernels/blocking/optional_tensor.h"
#include "models/kernels/blocking/pixel_rows.h"
#include "models/kernels/cuda/batch_norm.h"

namespace skipzoo {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// What a call is besides its tensors.
struct CudaNormCall {
  CudaKernelsPtr kernels;
  Tensor numbers;  ///< Of the batch or the running ones.
  bool training = false;
  NormalisedAs as = {};
};

class CudaBatchNorm : public torch::autograd::Function<CudaBatchNorm> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable&, const Variable&,
                          const std::optional<Variable>& residual,
                          const CudaNormCall& call) {
    const NoAutograd no_autograd;
    const auto made = normalised(*call.kernels, x, call.numbers,
                                 residual.value_or(Tensor()), call.as);
    context->save_for_backward({x, made.mask, call.numbers});
    context->saved_data["kernels"] = c10::IValue::make_capsule(call.kernels);
    context->saved_data["training"] = call.training;
    context->saved_data["residual"] = residual.has_value();
    return made.y;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const NoAutograd no_autograd;
    const auto saved = context->get_saved_variables();
    const auto kernels = c10::static_intrusive_pointer_cast<CudaKernels>(
        context->saved_data["kernels"].toCapsule());
    constexpr size_t kX = 0, kWeight = 1, kBias = 2, kResidual = 3;
    const auto made =
        norm_gradients(*kernels, gradients[0],
                       {.x = saved[0],
                        .mask = saved[1],
                        .numbers = saved[2],
                        .training = context->saved_data["training"].toBool()},
                       {.x = context->needs_input_grad(kX),
                        .weight_or_bias = context->needs_input_grad(kWeight) ||
                                          context->needs_input_grad(kBias),
                        .residual = context->saved_data["residual"].toBool() &&
                                    context->needs_input_grad(kResidual)});
    return {made.x, made.weight, made.bias, made.residual, Variable()};
  }
};

bool wants_gradients(const Tensor& x, const torch::nn::BatchNorm2dImpl& norm,
                     const Tensor& residual) {
  return at::GradMode::is_enabled() &&
         (x.requires_grad() || norm.weight.requires_grad() ||
          norm.bias.requires_grad() ||
          (residual.defined() && residual.requires_grad()));
}

}  // namespace

Verdict suits_cuda_norm(const torch::nn::BatchNorm2dImpl& norm,
                        const Tensor& x) {
  if (!norm.options.affine() || !norm.options.track_running_stats() ||
      !norm.options.momentum().has_value()) {
    return declined("a norm without weight, running statistics or momentum");
  }
  const auto type = cuda_sum_type(x.scalar_type());
  for (const auto& own :
       {norm.weight, norm.bias, norm.running_mean, norm.running_var}) {
    if (own.device() != x.device()) return declined("a norm elsewhere than x");
    if (own.scalar_type() != type) {
      return declined("a norm of another type than sums are in");
    }
    if (!own.is_contiguous()) return declined("a norm that is not contiguous");
  }
  if (norm.num_batches_tracked.device() != x.device()) {
    return declined("a count of batches elsewhere than x");
  }
  if (norm.is_training() && SharedStatistics::active()) {
    return declined("statistics of all processes");
  }
  return taken("a norm as it stands in networks");
}

Verdict suits_cuda_images(const Tensor& x) {
  constexpr int64_t kMostChannels = std::numeric_limits<int>::max() / 64;
  const auto type = x.scalar_type();
  if (ReferenceOnly::active()) return declined("a trace");
  if (type != at::kFloat && type != at::kBFloat16 && type != at::kHalf &&
      type != at::kDouble) {
    return declined("of another type");
  }
  if (x.dim() != 4 || !x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    return declined("not channels-last");
  }
  // LibTorch says what is wrong with the variance of one.
  if (x.numel() <= x.size(1)) return declined("fewer than two pixels");
  if (x.size(1) > kMostChannels) {
    return declined("more than # channels: #", kMostChannels, x.size(1));
  }
  return taken("channels-last images");
}

Verdict suits_cuda_batch_norm(const Tensor& x,
                              const torch::nn::BatchNorm2dImpl& norm,
                              const Epilogue& epilogue) {
  if (const auto images = suits_cuda_images(x); !images) return images;
  if (epilogue.gate.defined() || epilogue.gate_of) return declined("a gate");
  const auto& residual = epilogue.residual;
  if (residual.defined() &&
      (residual.scalar_type() != x.scalar_type() ||
       residual.sizes() != x.sizes() || residual.device() != x.device())) {
    return declined("a residual of another type, size or device");
  }
  if (const auto own = suits_cuda_norm(norm, x); !own) return own;
  return taken("one pass for the moments of # channels, one to write",
               x.size(1));
}

Offer<CudaKernelsPtr> cuda_kernels_for(const Tensor& x,
                                       const torch::nn::BatchNorm2dImpl& norm,
                                       const Epilogue& epilogue) {
  auto kernels = cuda_kernels(x.device());
  if (!kernels) return kernels;
  const auto verdict = suits_cuda_batch_norm(x, norm, epilogue);
  if (!verdict) return {verdict, {}};
  return {verdict, std::move(kernels.shape)};
}

Tensor cuda_batch_norm(const CudaKernelsPtr& kernels, const Tensor& x,
                       torch::nn::BatchNorm2d& norm, const Epilogue& epilogue) {
  const CudaNormCall call{
      .kernels = kernels,
      .numbers = numbers_of(*kernels, x, *norm),
      .training = norm->is_training(),
      .as = {.relu = epilogue.relu,
             .with_mask = wants_gradients(x, *norm, epilogue.residual)}};
  return CudaBatchNorm::apply(x, norm->weight, norm->bias,
                              as_optional(epilogue.residual), call);
}

}  // namespace skipzoo
