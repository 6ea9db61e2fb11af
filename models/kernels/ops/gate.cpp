#include "models/kernels/ops/gate.h"

#include <torch/csrc/autograd/custom_function.h>

#include "models/kernels/algorithms/scale_shift.h"

namespace skipzoo {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// The mean of x - mean over each image, (N, C), double.
Tensor mean_deviations(const Tensor& x, const Tensor& mean) {
  SKIPZOO_PROFILE("batch_norm_statistics");
  const ImageBlocks blocks(x, /*by_image=*/true);
  const auto shift = accumulator(x, mean);
  ChannelSums sums(blocks.count(), blocks.channels(), x.scalar_type());
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* data = x.const_data_ptr<scalar_t>();
    const int64_t channels = blocks.channels();
    blocks.for_each([&](int64_t b, int64_t, int64_t first, int64_t count) {
      const auto [sum, squares] = sums.of_block<A>(b);
      rows::sums(data + first * channels, channels, shift.const_data_ptr<A>(),
                 count, channels, sum, squares);
    });
  });
  return sums.of_blocks().select(1, 0) /
         static_cast<double>(x.size(2) * x.size(3));
}

class MeansOfNorm : public torch::autograd::Function<MeansOfNorm> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable& weight, const Variable&,
                          const NormPlan& plan) {
    const NoAutograd no_autograd;
    const auto deviations = mean_deviations(x, plan.mean);
    context->save_for_backward(
        {x, plan.mean, plan.inverse, plan.scale, plan.offset, deviations});
    plan.save_to(*context);
    context->saved_data["type"] = static_cast<int64_t>(weight.scalar_type());
    return (plan.scale * deviations + (plan.offset + plan.scale * plan.mean))
        .to(x.scalar_type())
        .view({x.size(0), x.size(1), 1, 1});
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const NoAutograd no_autograd;
    const auto variables = context->get_saved_variables();
    const auto &x = variables[0], &deviations = variables[5];
    const auto plan = NormPlan::saved_in(*context, &variables[1]);
    // Each pixel of an image has its share of the gradient of the mean.
    const auto g = gradients[0].to(torch::kDouble).reshape(deviations.sizes());
    const auto sum = g.sum(0), product = (g * deviations).sum(0);
    const auto through = through_statistics(plan, sum, product);
    const auto share =
        plan.scale * g / static_cast<double>(x.size(2) * x.size(3));
    const auto dx = scale_shift(
        x, {}, accumulator(x, through.slope.expand_as(g)),
        accumulator(x, share + through.offset - through.slope * plan.mean),
        /*relu=*/false);
    const auto type =
        static_cast<at::ScalarType>(context->saved_data["type"].toInt());
    return {dx, (product * plan.inverse).to(type), sum.to(type), Variable()};
  }
};

}  // namespace

bool is_plain_gate(const Tensor& gate, const Tensor& x) {
  return gate.is_cpu() && gate.dim() == 4 && gate.size(0) == x.size(0) &&
         (gate.size(1) == x.size(1) || gate.size(1) == 1) &&
         gate.size(2) == 1 && gate.size(3) == 1;
}

Tensor rows_of_gate(const Tensor& gate, const Tensor& x, at::ScalarType type) {
  if (!gate.defined()) return {};
  return gate.to(type)
      .expand({x.size(0), x.size(1), 1, 1})
      .reshape({x.size(0), x.size(1)});
}

Tensor means_of_norm(const Tensor& x, const torch::nn::BatchNorm2dImpl& norm,
                     const NormPlan& plan) {
  return MeansOfNorm::apply(x, norm.weight, norm.bias, plan);
}

Tensor gated_sum(const Tensor& x, const Tensor& gate, const Tensor& residual,
                 bool relu) {
  const auto factors =
      rows_of_gate(gate, x, accumulator_type(x.scalar_type())).contiguous();
  const auto near = [](const Tensor& images) {
    return images.contiguous(at::MemoryFormat::ChannelsLast);
  };
  return scale_shift(near(x), residual.defined() ? near(residual) : Tensor(),
                     factors, torch::zeros_like(factors), relu);
}

}  // namespace skipzoo
