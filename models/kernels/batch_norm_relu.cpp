#include "models/kernels/batch_norm_relu.h"

#include <torch/csrc/autograd/custom_function.h>

#include "models/kernels/norm.h"
#include "models/kernels/pixel_rows.h"

namespace skipzoo {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

template <typename T>
const T* data_or_null(const torch::Tensor& x) {
  return x.defined() ? x.const_data_ptr<T>() : nullptr;
}

torch::Tensor write(const torch::Tensor& x, const torch::Tensor& residual,
                    const torch::Tensor& scale, const torch::Tensor& offset) {
  SKIPZOO_PROFILE("batch_norm_relu");
  const PixelRows rows(x);
  auto y = torch::empty_like(x, at::MemoryFormat::ChannelsLast);
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* from = x.const_data_ptr<scalar_t>();
    const auto* more = data_or_null<scalar_t>(residual);
    auto* to = y.mutable_data_ptr<scalar_t>();
    rows.for_each_block([&](int64_t, int64_t first, int64_t count) {
      const int64_t at = first * rows.channels;
      rows::affine_relu(from + at, rows.channels,
                        more == nullptr ? nullptr : more + at,
                        scale.const_data_ptr<A>(), offset.const_data_ptr<A>(),
                        count, rows.channels, to + at, rows.channels);
    });
  });
  return y;
}

/// What is saved for the backward pass.
struct Saved {
  torch::Tensor x;
  torch::Tensor mean, scale, offset;  ///< (C), of the accumulation type.
};

/// Σ g and Σ g (x - mean), with g = dy where the ReLU let through. With a
/// residual the output y says where, and g, its gradient, is written to it;
/// without, x does: nothing else was saved.
std::pair<torch::Tensor, torch::Tensor> gradient_sums(
    const Saved& saved, const torch::Tensor& dy, const torch::Tensor& y,
    const torch::Tensor& residual) {
  SKIPZOO_PROFILE("batch_norm_relu_backward");
  const PixelRows rows(saved.x);
  ChannelSums sums(rows.blocks(), rows.channels, saved.x.scalar_type());
  SKIPZOO_DISPATCH(saved.x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* from = dy.const_data_ptr<scalar_t>();
    const auto* output = data_or_null<scalar_t>(y);
    const auto* x = saved.x.const_data_ptr<scalar_t>();
    const auto* mean = saved.mean.const_data_ptr<A>();
    auto* to = y.defined() ? residual.mutable_data_ptr<scalar_t>() : nullptr;
    rows.for_each_block([&](int64_t b, int64_t first, int64_t count) {
      const int64_t at = first * rows.channels;
      const auto [sum, product] = sums.of_block<A>(b);
      if (output == nullptr) {
        rows::gradient_sums(from + at, x + at, mean,
                            saved.scale.const_data_ptr<A>(),
                            saved.offset.const_data_ptr<A>(), count,
                            rows.channels, sum, product);
      } else {
        rows::residual_gradient(from + at, output + at, x + at, mean, count,
                                rows.channels, to + at, sum, product);
      }
    });
  });
  return sums.total();
}

/// dx of g behind the ReLU's mask, or of g itself where it is through that.
torch::Tensor input_gradient(const Saved& saved, const torch::Tensor& g,
                             bool is_through, const torch::Tensor& slope,
                             const torch::Tensor& offset) {
  SKIPZOO_PROFILE("batch_norm_relu_backward");
  const PixelRows rows(saved.x);
  auto dx = torch::empty_like(saved.x, at::MemoryFormat::ChannelsLast);
  SKIPZOO_DISPATCH(saved.x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* from = g.const_data_ptr<scalar_t>();
    const auto* x = saved.x.const_data_ptr<scalar_t>();
    const auto* bias = is_through ? nullptr : saved.offset.const_data_ptr<A>();
    auto* to = dx.mutable_data_ptr<scalar_t>();
    rows.for_each_block([&](int64_t, int64_t first, int64_t count) {
      const int64_t at = first * rows.channels;
      rows::input_gradient(
          from + at, x + at, saved.mean.const_data_ptr<A>(),
          saved.scale.const_data_ptr<A>(), bias, slope.const_data_ptr<A>(),
          offset.const_data_ptr<A>(), count, rows.channels, to + at);
    });
  });
  return dx;
}

class BatchNormRelu : public torch::autograd::Function<BatchNormRelu> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable& weight, const Variable&,
                          const std::optional<Variable>& residual,
                          const Variable& mean, const Variable& inverse,
                          const Variable& scale, const Variable& offset,
                          bool training) {
    const NoAutograd no_autograd;
    const auto s = accumulator(x, scale), o = accumulator(x, offset);
    const auto y = write(x, residual.value_or(torch::Tensor()), s, o);
    context->save_for_backward(
        {x, residual ? y : Variable(), mean, inverse, scale, s, o});
    context->saved_data["training"] = training;
    context->saved_data["type"] = static_cast<int64_t>(weight.scalar_type());
    return y;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const NoAutograd no_autograd;
    const auto variables = context->get_saved_variables();
    const auto& x = variables[0];
    const NormPlan plan{.mean = variables[2],
                        .inverse = variables[3],
                        .scale = variables[4],
                        .offset = {},
                        .training = context->saved_data["training"].toBool()};
    const Saved saved{.x = x,
                      .mean = accumulator(x, plan.mean),
                      .scale = variables[5],
                      .offset = variables[6]};
    const auto dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const auto& y = variables[1];
    Variable residual;
    if (y.defined()) residual = torch::empty_like(y);
    const auto [sum, product] = gradient_sums(saved, dy, y, residual);
    const auto through =
        through_statistics(plan, sum, product, x.numel() / x.size(1));
    const auto dx = input_gradient(saved, y.defined() ? residual : dy,
                                   y.defined(), accumulator(x, through.slope),
                                   accumulator(x, through.offset));
    const auto type =
        static_cast<at::ScalarType>(context->saved_data["type"].toInt());
    return {dx,           (product * plan.inverse).to(type),
            sum.to(type), residual,
            Variable(),   Variable(),
            Variable(),   Variable(),
            Variable()};
  }
};

NormPlan planned(const torch::Tensor& x, torch::nn::BatchNorm2dImpl& norm) {
  const NoAutograd no_autograd;
  return plan_norm(norm, norm.is_training() ? moments_of(x) : Moments(),
                   x.numel() / x.size(1));
}

bool applies(const torch::Tensor& x, const torch::nn::BatchNorm2dImpl& norm,
             const torch::Tensor& residual) {
  return is_plain_input(x) && is_plain_norm(norm) &&
         (!residual.defined() || (is_plain_input(residual) &&
                                  residual.scalar_type() == x.scalar_type() &&
                                  residual.sizes() == x.sizes())) &&
         !ReferenceOnly::active();
}

}  // namespace

torch::Tensor batch_norm_relu(const torch::Tensor& x,
                              torch::nn::BatchNorm2d& norm,
                              const torch::Tensor& residual, Kernels kernels) {
  if (kernels == Kernels::kReference || !applies(x, *norm, residual)) {
    const auto y = norm(x);
    return torch::relu(residual.defined() ? y + residual : y);
  }
  const auto plan = planned(x, *norm);
  const auto past = residual.defined() ? std::optional(residual) : std::nullopt;
  return BatchNormRelu::apply(x, norm->weight, norm->bias, past, plan.mean,
                              plan.inverse, plan.scale, plan.offset,
                              plan.training);
}

}  // namespace skipzoo
