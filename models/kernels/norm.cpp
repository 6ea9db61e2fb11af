#include "models/kernels/norm.h"

#include <vector>

#include "models/kernels/pixel_rows.h"

namespace skipzoo {

Moments moments_of(const torch::Tensor& x) {
  SKIPZOO_PROFILE("batch_norm_statistics");
  const PixelRows rows(x);
  Moments moments;
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* data = x.const_data_ptr<scalar_t>();
    // Shifted by the first pixel: E[x²] - E[x]² would lose the digits of a
    // variance that is small beside its mean.
    std::vector<A> shift(data, data + rows.channels);
    ChannelSums sums(rows.blocks(), rows.channels, x.scalar_type());
    rows.for_each_block([&](int64_t b, int64_t first, int64_t count) {
      const auto [sum, squares] = sums.of_block<A>(b);
      rows::sums(data + first * rows.channels, rows.channels, shift.data(),
                 count, rows.channels, sum, squares);
    });
    const auto [sum, squares] = sums.total();
    const auto offset = torch::from_blob(shift.data(), {rows.channels},
                                         c10::CppTypeToScalarType<A>::value)
                            .to(torch::kDouble);
    const auto shifted = sum / rows.count;
    moments.mean = shifted + offset;
    moments.variance = (squares / rows.count - shifted.square()).clamp_min(0);
  });
  return moments;
}

namespace {

/// Moves the running statistics towards a batch's, as torch::batch_norm does.
void move_statistics(torch::nn::BatchNorm2dImpl& norm, const Moments& batch,
                     int64_t count) {
  const double momentum = norm.options.momentum().value();
  const double unbiased =
      static_cast<double>(count) / static_cast<double>(count - 1);
  norm.running_mean.lerp_(batch.mean.to(norm.running_mean.scalar_type()),
                          momentum);
  norm.running_var.lerp_(
      (batch.variance * unbiased).to(norm.running_var.scalar_type()), momentum);
  norm.num_batches_tracked.add_(1);
}

}  // namespace

NormPlan plan_norm(torch::nn::BatchNorm2dImpl& norm, const Moments& batch,
                   int64_t count) {
  const torch::NoGradGuard no_grad;
  NormPlan plan;
  plan.training = norm.is_training();
  if (plan.training) move_statistics(norm, batch, count);
  plan.mean = plan.training ? batch.mean
                            : norm.running_mean.to(torch::kDouble, false,
                                                   /*copy=*/true);
  const auto variance =
      plan.training ? batch.variance : norm.running_var.to(torch::kDouble);
  plan.inverse = (variance + norm.options.eps()).rsqrt();
  plan.scale = norm.weight.to(torch::kDouble) * plan.inverse;
  plan.offset = norm.bias.to(torch::kDouble) - plan.mean * plan.scale;
  return plan;
}

NormGradient through_statistics(const NormPlan& plan, const torch::Tensor& sum,
                                const torch::Tensor& product, int64_t count) {
  if (!plan.training) return {torch::zeros_like(sum), torch::zeros_like(sum)};
  const auto share = plan.scale / -count;
  return {share * plan.inverse.square() * product, share * sum};
}

bool is_plain_norm(const torch::nn::BatchNorm2dImpl& norm) {
  return norm.options.affine() && norm.options.track_running_stats() &&
         norm.options.momentum().has_value() && norm.weight.device().is_cpu();
}

bool is_plain_input(const torch::Tensor& x) {
  const auto type = x.scalar_type();
  return x.dim() == 4 && x.device().is_cpu() && x.numel() > x.size(1) &&
         (type == at::kFloat || type == at::kDouble || type == at::kBFloat16) &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace skipzoo
