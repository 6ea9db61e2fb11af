#include "models/kernels/batch_norm_relu.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "models/kernels/rows.h"

namespace skipzoo {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

#define SKIPZOO_DISPATCH(type, ...)                                      \
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, type, "batch_norm_relu", \
                                 __VA_ARGS__)

/// A channels-last tensor as rows of channels.
struct Rows {
  explicit Rows(const torch::Tensor& x)
      : channels(x.size(1)),
        count(x.numel() / std::max<int64_t>(x.size(1), 1)) {
    // Enough for a loop to be worth a task, little enough to stay in a cache.
    // Of the channels alone: sums are the same for any number of threads.
    block =
        std::clamp<int64_t>(16384 / std::max<int64_t>(channels, 1), 16, 1024);
  }
  int64_t blocks() const { return (count + block - 1) / block; }

  /// Calls body(block, first row, rows) for each block, on any thread.
  template <typename Body>
  void for_each_block(const Body& body) const {
    at::parallel_for(0, blocks(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const int64_t first = b * block;
        body(b, first, std::min(block, count - first));
      }
    });
  }

  int64_t channels;
  int64_t count;
  int64_t block;
};

/// Two sums per channel, each block's in float or double, all in double.
template <typename A, typename Sum>
std::pair<torch::Tensor, torch::Tensor> reduce(const Rows& rows,
                                               const Sum& sum) {
  const auto type = c10::CppTypeToScalarType<A>::value;
  auto parts = torch::zeros({rows.blocks(), 2, rows.channels}, type);
  A* data = parts.template mutable_data_ptr<A>();
  rows.for_each_block([&](int64_t b, int64_t first, int64_t count) {
    A* own = data + b * 2 * rows.channels;
    sum(first * rows.channels, count, own, own + rows.channels);
  });
  const auto total = parts.sum(0, /*keepdim=*/false, torch::kDouble);
  return {total[0], total[1]};
}

/// Mean and biased variance of each channel, double.
std::pair<torch::Tensor, torch::Tensor> statistics(const torch::Tensor& x) {
  const Rows rows(x);
  torch::Tensor mean, variance;
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* data = x.const_data_ptr<scalar_t>();
    // Shifted by the first pixel: E[x²] - E[x]² would lose the digits of a
    // variance that is small beside its mean.
    std::vector<A> shift(data, data + rows.channels);
    const auto [sum, squares] =
        reduce<A>(rows, [&](int64_t at, int64_t count, A* s, A* q) {
          rows::sums(data + at, shift.data(), count, rows.channels, s, q);
        });
    const auto offset = torch::from_blob(shift.data(), {rows.channels},
                                         c10::CppTypeToScalarType<A>::value)
                            .to(torch::kDouble);
    const auto shifted = sum / rows.count;
    mean = shifted + offset;
    variance = (squares / rows.count - shifted.square()).clamp_min(0);
  });
  return {mean, variance};
}

/// In the type that sums of x are held in.
torch::Tensor accumulator(const torch::Tensor& x, const torch::Tensor& of) {
  return of.to(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat)
      .contiguous();
}

torch::Tensor write(const torch::Tensor& x, const torch::Tensor& residual,
                    const torch::Tensor& scale, const torch::Tensor& offset) {
  const Rows rows(x);
  auto y = torch::empty_like(x, at::MemoryFormat::ChannelsLast);
  const auto s = accumulator(x, scale), o = accumulator(x, offset);
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* from = x.const_data_ptr<scalar_t>();
    const scalar_t* more =
        residual.defined() ? residual.const_data_ptr<scalar_t>() : nullptr;
    auto* to = y.mutable_data_ptr<scalar_t>();
    rows.for_each_block([&](int64_t, int64_t first, int64_t count) {
      const int64_t at = first * rows.channels;
      rows::affine_relu(from + at, more == nullptr ? nullptr : more + at,
                        s.const_data_ptr<A>(), o.const_data_ptr<A>(), count,
                        rows.channels, to + at);
    });
  });
  return y;
}

/// What a BatchNorm does with its batch: x becomes (x - mean) * deviation⁻¹.
struct Moments {
  torch::Tensor mean;     ///< (C), double.
  torch::Tensor inverse;  ///< 1 / sqrt(variance + eps), (C), double.
};

class BatchNormRelu : public torch::autograd::Function<BatchNormRelu> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable& weight, const Variable& bias,
                          const std::optional<Variable>& residual,
                          const Variable& mean, const Variable& inverse,
                          bool training) {
    const auto scale = weight.to(torch::kDouble) * inverse;
    const auto y = write(x, residual.value_or(torch::Tensor()), scale,
                         bias.to(torch::kDouble) - mean * scale);
    context->save_for_backward({x, y, weight, mean, inverse});
    context->saved_data["training"] = training;
    context->saved_data["residual"] = residual.has_value();
    return y;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto& y = saved[1];
    const auto& weight = saved[2];
    const auto dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const Rows rows(x);
    const auto inverse = saved[4];
    const auto mean = accumulator(x, saved[3]);
    auto dx = torch::empty_like(x, at::MemoryFormat::ChannelsLast);
    torch::Tensor residual;
    if (context->saved_data["residual"].toBool()) {
      residual = torch::empty_like(x, at::MemoryFormat::ChannelsLast);
    }
    torch::Tensor sum, product;
    SKIPZOO_DISPATCH(x.scalar_type(), [&] {
      using A = rows::Acc<scalar_t>;
      const auto* g = dy.const_data_ptr<scalar_t>();
      const auto* out = y.const_data_ptr<scalar_t>();
      const auto* in = x.const_data_ptr<scalar_t>();
      const auto* m = mean.const_data_ptr<A>();
      std::tie(sum, product) =
          reduce<A>(rows, [&](int64_t at, int64_t count, A* s, A* p) {
            rows::gradient_sums(g + at, out + at, in + at, m, count,
                                rows.channels, s, p);
          });
      // With the batch's own statistics the gradient passes through them too
      // (Ioffe & Szegedy 2015, arXiv:1502.03167, section 3).
      const auto scale = weight.to(torch::kDouble) * inverse;
      const bool training = context->saved_data["training"].toBool();
      const auto share =
          training ? scale / rows.count : torch::zeros_like(scale);
      const auto k = accumulator(x, scale);
      const auto slope = accumulator(x, -share * inverse.square() * product);
      const auto offset = accumulator(x, -share * sum);
      auto* to = dx.mutable_data_ptr<scalar_t>();
      auto* more = residual.defined() ? residual.mutable_data_ptr<scalar_t>()
                                      : static_cast<scalar_t*>(nullptr);
      rows.for_each_block([&](int64_t, int64_t first, int64_t count) {
        const int64_t at = first * rows.channels;
        rows::input_gradient(g + at, out + at, in + at, m,
                             k.const_data_ptr<A>(), slope.const_data_ptr<A>(),
                             offset.const_data_ptr<A>(), count, rows.channels,
                             to + at, more == nullptr ? nullptr : more + at);
      });
    });
    const auto type = weight.scalar_type();
    return {dx,           (product * inverse).to(type),
            sum.to(type), residual,
            Variable(),   Variable(),
            Variable()};
  }
};

/// Moves the running statistics towards a batch's, as torch::batch_norm does.
void move_statistics(torch::nn::BatchNorm2dImpl& norm,
                     const torch::Tensor& mean, const torch::Tensor& variance,
                     int64_t count) {
  const torch::NoGradGuard no_grad;
  const double momentum = norm.options.momentum().value();
  const double unbiased =
      static_cast<double>(count) / static_cast<double>(count - 1);
  norm.running_mean.lerp_(mean.to(norm.running_mean.scalar_type()), momentum);
  norm.running_var.lerp_(
      (variance * unbiased).to(norm.running_var.scalar_type()), momentum);
  norm.num_batches_tracked.add_(1);
}

bool is_channels_last(const torch::Tensor& x) {
  return x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

bool applies(const torch::Tensor& x, const torch::nn::BatchNorm2dImpl& norm,
             const torch::Tensor& residual) {
  const auto type = x.scalar_type();
  return x.dim() == 4 && x.device().is_cpu() && x.numel() > x.size(1) &&
         (type == at::kFloat || type == at::kDouble || type == at::kBFloat16) &&
         is_channels_last(x) && norm.options.affine() &&
         norm.options.track_running_stats() &&
         norm.options.momentum().has_value() && norm.weight.device().is_cpu() &&
         (!residual.defined() ||
          (is_channels_last(residual) && residual.scalar_type() == type &&
           residual.sizes() == x.sizes())) &&
         !TextbookOnly::active();
}

}  // namespace

torch::Tensor batch_norm_relu(const torch::Tensor& x,
                              torch::nn::BatchNorm2d& norm,
                              const torch::Tensor& residual, Kernels kernels) {
  if (kernels == Kernels::kReference || !applies(x, *norm, residual)) {
    const auto y = norm(x);
    return torch::relu(residual.defined() ? y + residual : y);
  }
  const bool training = norm->is_training();
  torch::Tensor mean, variance;
  {
    const torch::NoGradGuard no_grad;
    if (training) {
      std::tie(mean, variance) = statistics(x);
      move_statistics(*norm, mean, variance, x.numel() / x.size(1));
    } else {
      mean = norm->running_mean.to(torch::kDouble);
      variance = norm->running_var.to(torch::kDouble);
    }
    variance = (variance + norm->options.eps()).rsqrt();
  }
  const auto past = residual.defined() ? std::optional(residual) : std::nullopt;
  return BatchNormRelu::apply(x, norm->weight, norm->bias, past, mean, variance,
                              training);
}

}  // namespace skipzoo
