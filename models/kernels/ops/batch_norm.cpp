#include "models/kernels/ops/batch_norm.h"

#include <torch/csrc/autograd/custom_function.h>

#include <limits>

#include "models/kernels/algorithms/norm.h"
#include "models/kernels/algorithms/scale_shift.h"
#include "models/kernels/blocking/optional_tensor.h"
#include "models/kernels/ops/cuda_batch_norm.h"
#include "models/kernels/ops/gate.h"
#include "models/kernels/ops/shared_batch_norm.h"

namespace skipzoo {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// Per-channel numbers, (C), or each image's own, (N, C).
Tensor gated(const Tensor& numbers, const Tensor& gate) {
  return gate.defined() ? (numbers * gate).contiguous() : numbers;
}

/// What is saved for the backward pass.
struct Saved {
  Tensor x;
  Tensor y;                    ///< Whose sign is the ReLU's mask; may be null.
  Tensor mean, scale, offset;  ///< (C), of the accumulation type.
};

/// Σ g and Σ g (x - mean), with g = dy where the ReLU let through: where y is
/// positive and then written to `g`, or where scale * x + bias is.
ChannelSums gradient_sums(const Saved& saved, const Tensor& dy,
                          const Tensor& bias, bool by_image, const Tensor& g) {
  SKIPZOO_PROFILE("batch_norm_relu_backward");
  const ImageBlocks blocks(saved.x, by_image);
  const int64_t channels = blocks.channels();
  ChannelSums sums(blocks.count(), channels, saved.x.scalar_type());
  SKIPZOO_DISPATCH(saved.x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* from = dy.const_data_ptr<scalar_t>();
    const auto* output = data_or_null<scalar_t>(saved.y);
    const auto* x = saved.x.const_data_ptr<scalar_t>();
    const auto* mean = saved.mean.const_data_ptr<A>();
    auto* to = g.defined() ? g.mutable_data_ptr<scalar_t>() : nullptr;
    blocks.for_each([&](int64_t b, int64_t, int64_t first, int64_t count) {
      const int64_t at = first * channels;
      const auto [sum, product] = sums.of_block<A>(b);
      if (output == nullptr) {
        rows::gradient_sums(
            from + at, x + at, mean, saved.scale.const_data_ptr<A>(),
            bias.const_data_ptr<A>(), count, channels, sum, product);
      } else {
        rows::residual_gradient(from + at, output + at, x + at, mean, count,
                                channels, to + at, sum, product);
      }
    });
  });
  return sums;
}

/// dx of g, or of g where scale * x + bias is positive, unless bias is null.
Tensor input_gradient(const Saved& saved, const Tensor& g, const Tensor& bias,
                      const Tensor& scale, const Tensor& slope,
                      const Tensor& offset) {
  SKIPZOO_PROFILE("batch_norm_relu_backward");
  const ImageBlocks blocks(saved.x, scale.dim() == 2);
  const int64_t channels = blocks.channels();
  auto dx = torch::empty_like(saved.x, at::MemoryFormat::ChannelsLast);
  SKIPZOO_DISPATCH(saved.x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* from = g.const_data_ptr<scalar_t>();
    const auto* x = saved.x.const_data_ptr<scalar_t>();
    const auto* s = scale.const_data_ptr<A>();
    auto* to = dx.mutable_data_ptr<scalar_t>();
    blocks.for_each([&](int64_t, int64_t row, int64_t first, int64_t count) {
      const int64_t at = first * channels;
      rows::input_gradient(
          from + at, x + at, saved.mean.const_data_ptr<A>(), s + row * channels,
          data_or_null<A>(bias), slope.const_data_ptr<A>(),
          offset.const_data_ptr<A>(), count, channels, to + at);
    });
  });
  return dx;
}

class BatchNormEpilogue : public torch::autograd::Function<BatchNormEpilogue> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable& weight, const Variable&,
                          const std::optional<Variable>& gate,
                          const std::optional<Variable>& residual,
                          const std::optional<Variable>& bias, bool relu,
                          const NormPlan& plan) {
    const NoAutograd no_autograd;
    const auto s = accumulator(x, plan.scale), o = accumulator(x, plan.offset);
    const auto of_images =
        rows_of_gate(gate.value_or(Tensor()), x, s.scalar_type());
    const auto y = scale_shift(x, residual.value_or(Tensor()),
                               gated(s, of_images), gated(o, of_images), relu);
    const bool needs_output = relu && (gate || residual);
    context->save_for_backward({x, needs_output ? y : Variable(), plan.mean,
                                plan.inverse, plan.scale, plan.offset, s, o,
                                gate.value_or(Variable())});
    plan.save_to(*context);
    context->saved_data["relu"] = relu;
    context->saved_data["residual"] = residual.has_value();
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["type"] = static_cast<int64_t>(weight.scalar_type());
    return y;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const NoAutograd no_autograd;
    const auto variables = context->get_saved_variables();
    const auto flag = [&](const char* name) {
      return context->saved_data[name].toBool();
    };
    const auto &x = variables[0], &y = variables[1], &gate = variables[8];
    const auto plan = NormPlan::saved_in(*context, &variables[2]);
    const Saved saved{.x = x,
                      .y = y,
                      .mean = accumulator(x, plan.mean),
                      .scale = variables[6],
                      .offset = variables[7]};
    const auto dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    // The gradient behind the ReLU: written where its mask is y's, dy where
    // there is none, and else made of dy whenever it is needed.
    const Tensor g = y.defined()    ? torch::empty_like(y)
                     : flag("relu") ? Tensor()
                                    : dy;
    // Without a ReLU, everything is let through.
    const auto bias =
        flag("relu")
            ? saved.offset
            : torch::full_like(saved.offset,
                               std::numeric_limits<double>::infinity());
    const auto sums = gradient_sums(saved, dy, bias, gate.defined(),
                                    y.defined() ? g : Tensor());
    const auto of_gate = gradient_of_gate(plan, sums, gate, x);
    const auto& [sum, product] = of_gate.totals;
    const auto through = through_statistics(plan, sum, product);
    const auto dx = input_gradient(
        saved, g.defined() ? g : dy, g.defined() ? Tensor() : saved.offset,
        gated(saved.scale, rows_of_gate(gate, x, saved.scale.scalar_type())),
        accumulator(x, through.slope), accumulator(x, through.offset));
    const auto type =
        static_cast<at::ScalarType>(context->saved_data["type"].toInt());
    return {dx,
            (product * plan.inverse).to(type),
            sum.to(type),
            of_gate.gradient,
            flag("residual") ? g : Variable(),
            flag("bias") ? gradient_of_bias(plan, sum).to(type) : Variable(),
            Variable(),
            Variable()};
  }

 private:
  /// Of what is added to x: Σ dx. A batch's own mean takes it away.
  static Tensor gradient_of_bias(const NormPlan& plan, const Tensor& sum) {
    return plan.training ? torch::zeros_like(sum) : plan.scale * sum;
  }

  struct OfGate {
    Tensor gradient;                   ///< Null without a gate.
    std::pair<Tensor, Tensor> totals;  ///< Σ gate g, Σ gate g (x - mean).
  };
  /// By the sums of each image: d gate = Σ g norm(x), for norm(x) is
  /// scale * (x - mean) and a constant.
  static OfGate gradient_of_gate(const NormPlan& plan, const ChannelSums& sums,
                                 const Tensor& gate, const Tensor& x) {
    if (!gate.defined()) return {{}, sums.total()};
    const auto of_images = sums.of_blocks();
    const auto sum = of_images.select(1, 0), product = of_images.select(1, 1);
    const auto constant = plan.offset + plan.scale * plan.mean;
    const auto gradient = (plan.scale * product + constant * sum)
                              .view({x.size(0), x.size(1), 1, 1});
    const auto factors = rows_of_gate(gate, x, sum.scalar_type());
    return {gradient.sum_to_size(gate.sizes()).to(gate.scalar_type()),
            {(factors * sum).sum(0), (factors * product).sum(0)}};
  }
};

/// Of norm(x + bias), in terms of x.
NormPlan planned(const Tensor& x, torch::nn::BatchNorm2dImpl& norm,
                 const Tensor& bias) {
  const NoAutograd no_autograd;
  SeenMoments seen{.moments = {}, .count = x.numel() / x.size(1)};
  if (norm.is_training()) {
    seen = over_processes(moments_of(x), seen.count, norm);
  }
  if (!bias.defined()) return plan_norm(norm, seen.moments, seen.count);
  const auto shift = bias.to(torch::kDouble);
  if (norm.is_training()) seen.moments.mean = seen.moments.mean + shift;
  auto plan = plan_norm(norm, seen.moments, seen.count);
  plan.mean = plan.mean - shift;
  plan.offset = plan.offset + plan.scale * shift;
  return plan;
}

bool applies(const Tensor& x, const torch::nn::BatchNorm2dImpl& norm,
             const Epilogue& epilogue) {
  const auto &gate = epilogue.gate, &residual = epilogue.residual;
  const bool takes_residual =
      !residual.defined() ||
      (is_plain_input(residual) && residual.scalar_type() == x.scalar_type() &&
       residual.sizes() == x.sizes());
  return is_plain_input(x) && is_plain_norm(norm) &&
         (!gate.defined() || is_plain_gate(gate, x)) && takes_residual &&
         !ReferenceOnly::active();
}

/// Both gates together; null for none. means: gives those of norm(x).
template <typename Means>
Tensor whole_gate(const Epilogue& epilogue, const Means& means) {
  if (!epilogue.gate_of) return epilogue.gate;
  const auto gate = epilogue.gate_of(means());
  return epilogue.gate.defined() ? gate * epilogue.gate : gate;
}

}  // namespace

torch::Tensor batch_norm(const Tensor& x, torch::nn::BatchNorm2d& norm,
                         const Epilogue& epilogue, Kernels kernels,
                         const Tensor& bias) {
  if (kernels == Kernels::kFused && !x.device().is_cpu() && !bias.defined()) {
    const auto own = cuda_kernels_for(x, *norm, epilogue);
    if (own) return cuda_batch_norm(*own, x, norm, epilogue);
  }
  // A gate of means would have to tell the bias its gradient too.
  if (kernels == Kernels::kReference || !applies(x, *norm, epilogue) ||
      (bias.defined() && epilogue.gate_of)) {
    const auto input =
        bias.defined() ? x + bias.to(x.scalar_type()).view({-1, 1, 1}) : x;
    auto y = norm->is_training() && SharedStatistics::active()
                 ? shared_batch_norm(input, *norm)
                 : norm(input);
    const auto gate = whole_gate(epilogue, [&] {
      return torch::adaptive_avg_pool2d(y, {1, 1});
    });
    if (gate.defined()) y = y * gate;
    if (epilogue.residual.defined()) y = y + epilogue.residual;
    return epilogue.relu ? torch::relu(y) : y;
  }
  const auto plan = planned(x, *norm, bias);
  const auto gate =
      whole_gate(epilogue, [&] { return means_of_norm(x, *norm, plan); });
  return BatchNormEpilogue::apply(
      x, norm->weight, norm->bias, as_optional(gate),
      as_optional(epilogue.residual), as_optional(bias), epilogue.relu, plan);
}

}  // namespace skipzoo
