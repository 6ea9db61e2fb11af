#include "models/kernels/ops/shared_batch_norm.h"

#include <torch/csrc/autograd/custom_function.h>

#include "models/kernels/algorithms/norm.h"
#include "models/kernels/blocking/pixel_rows.h"
#include "models/kernels/kernels.h"

namespace skipzoo {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

Tensor by_channel(const Tensor& numbers) { return numbers.view({1, -1, 1, 1}); }

/// Sums over all but the channels, (C).
Tensor channel_sums(const Tensor& x) { return x.sum({0, 2, 3}); }

/// The type that statistics are computed in: float64 would be slow on a GPU,
/// and is what the CPU's own operators sum in.
at::ScalarType type_for(const Tensor& x) {
  return x.is_cpu() || x.scalar_type() == at::kDouble ? at::kDouble
                                                      : at::kFloat;
}

class SharedBatchNorm : public torch::autograd::Function<SharedBatchNorm> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable& weight, const Variable&,
                          const NormPlan& plan) {
    const NoAutograd no_autograd;
    context->save_for_backward(
        {x, plan.mean, plan.inverse, plan.scale, plan.offset});
    plan.save_to(*context);
    context->saved_data["type"] = static_cast<int64_t>(weight.scalar_type());
    const auto type = type_for(x);
    return (x.to(type) * by_channel(plan.scale.to(x.device(), type)) +
            by_channel(plan.offset.to(x.device(), type)))
        .to(x.scalar_type());
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const NoAutograd no_autograd;
    const auto variables = context->get_saved_variables();
    const auto& x = variables[0];
    const auto plan = NormPlan::saved_in(*context, &variables[1]);
    const auto work = type_for(x);
    const auto on_device = [&](const Tensor& numbers) {
      return by_channel(numbers.to(x.device(), work));
    };
    const auto g = gradients[0].to(work);
    const auto deviation = x.to(work) - on_device(plan.mean);
    const auto sum = channel_sums(g).to(torch::kCPU, torch::kDouble);
    const auto product =
        channel_sums(g * deviation).to(torch::kCPU, torch::kDouble);
    const auto through = through_statistics(plan, sum, product);
    const auto dx = on_device(plan.scale) * g +
                    on_device(through.slope) * deviation +
                    on_device(through.offset);
    const auto type =
        static_cast<at::ScalarType>(context->saved_data["type"].toInt());
    return {dx.to(x.scalar_type()),
            (product * plan.inverse).to(x.device(), type),
            sum.to(x.device(), type), Variable()};
  }
};

/// Of this process's pictures: zeros of none.
Moments own_moments(const Tensor& x) {
  const auto numbers = x.to(type_for(x));
  const double count = static_cast<double>(x.numel() / x.size(1));
  if (count == 0) {
    const auto none = torch::zeros({x.size(1)}, torch::kDouble);
    return {none, none.clone()};
  }
  const auto mean = channel_sums(numbers) / count;
  const auto variance =
      channel_sums((numbers - by_channel(mean)).square()) / count;
  return {mean.to(torch::kCPU, torch::kDouble),
          variance.to(torch::kCPU, torch::kDouble)};
}

}  // namespace

torch::Tensor shared_batch_norm(const Tensor& x,
                                torch::nn::BatchNorm2dImpl& norm) {
  const auto plan = [&] {
    const NoAutograd no_autograd;
    const auto all =
        over_processes(own_moments(x), x.numel() / x.size(1), norm);
    return plan_norm(norm, all.moments, all.count);
  }();
  return SharedBatchNorm::apply(x, norm.weight, norm.bias, plan);
}

}  // namespace skipzoo
