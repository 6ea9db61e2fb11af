#include "models/kernels/algorithms/norm.h"

#include <cmath>
#include <vector>

#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

/// Per-channel numbers, few enough that a tensor's operators would cost more
/// than what they do.
std::vector<double> numbers_of(const torch::Tensor& x) {
  std::vector<double> numbers;
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    const auto near = x.contiguous();
    const auto* data = near.const_data_ptr<scalar_t>();
    numbers.assign(data, data + near.numel());
  });
  return numbers;
}

}  // namespace

Moments moments_of(const torch::Tensor& x) {
  return moments_of_rows(x.permute({0, 2, 3, 1}).reshape({-1, x.size(1)}));
}

Moments moments_of_rows(const torch::Tensor& x) {
  SKIPZOO_PROFILE("batch_norm_statistics");
  const PixelRows rows(x.size(0), x.size(1));
  const int64_t stride = x.stride(0);
  // Shifted by the first pixel: E[x²] - E[x]² would lose the digits of a
  // variance that is small beside its mean.
  const auto shift = accumulator(x, x[0]);
  ChannelSums sums(rows.blocks(), rows.channels, x.scalar_type());
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* data = x.const_data_ptr<scalar_t>();
    rows.for_each_block([&](int64_t b, int64_t first, int64_t count) {
      const auto [sum, squares] = sums.of_block<A>(b);
      rows::sums(data + first * stride, stride, shift.const_data_ptr<A>(),
                 count, rows.channels, sum, squares);
    });
  });
  const auto [sum, squares] = sums.total();
  return moments_of_sums(sum, squares, shift, rows.count);
}

Moments moments_of_sums(const torch::Tensor& sum, const torch::Tensor& squares,
                        const torch::Tensor& shift, int64_t count) {
  const auto start = numbers_of(shift);
  const auto found = torch::empty({2, sum.size(0)}, torch::kDouble);
  Moments moments{found[0], found[1]};
  auto* mean = moments.mean.mutable_data_ptr<double>();
  auto* variance = moments.variance.mutable_data_ptr<double>();
  for (int64_t c = 0; c < sum.size(0); ++c) {
    const double shifted =
        sum.const_data_ptr<double>()[c] / static_cast<double>(count);
    mean[c] = shifted + start[static_cast<size_t>(c)];
    variance[c] =
        squares.const_data_ptr<double>()[c] / static_cast<double>(count);
    variance[c] -= shifted * shifted;
    if (variance[c] < 0) variance[c] = 0;  // A NaN stays one.
  }
  return moments;
}

namespace {

/// Moves running numbers towards scale * those of a batch.
void move(const torch::Tensor& running, const torch::Tensor& batch,
          double scale, double momentum) {
  const auto* found = batch.const_data_ptr<double>();
  SKIPZOO_DISPATCH(running.scalar_type(), [&] {
    auto* to = running.mutable_data_ptr<scalar_t>();
    for (int64_t c = 0; c < running.numel(); ++c) {
      const auto now = static_cast<double>(to[c]);
      to[c] = static_cast<rows::Acc<scalar_t>>(
          now + momentum * (scale * found[c] - now));
    }
  });
}

/// Moves the running statistics towards a batch's, as torch::batch_norm does.
void move_statistics(torch::nn::BatchNorm2dImpl& norm, const Moments& batch,
                     int64_t count) {
  const double momentum = norm.options.momentum().value();
  const double unbiased =
      static_cast<double>(count) / static_cast<double>(count - 1);
  if (norm.running_mean.is_cpu()) {
    move(norm.running_mean, batch.mean, 1, momentum);
    move(norm.running_var, batch.variance, unbiased, momentum);
  } else {
    norm.running_mean.lerp_(batch.mean.to(norm.running_mean.options()),
                            momentum);
    norm.running_var.lerp_(
        (unbiased * batch.variance).to(norm.running_var.options()), momentum);
  }
  norm.num_batches_tracked.add_(1);
}

/// shift: (C), the same in every process.
SeenMoments over_processes(const Moments& own, int64_t count,
                           const torch::Tensor& shift) {
  const auto& all = SharedStatistics::active();
  const auto pixels = static_cast<double>(count);
  const auto deviation = own.mean - shift;
  auto sums = torch::cat({pixels * deviation,
                          pixels * (own.variance + deviation.square()),
                          torch::full({1}, pixels, torch::kDouble)});
  all->sum(sums);
  const int64_t channels = own.mean.size(0);
  const auto total = sums[2 * channels].item<double>();
  const auto mean = sums.narrow(0, 0, channels) / total;
  const auto squares = sums.narrow(0, channels, channels) / total;
  return {{mean + shift, (squares - mean.square()).clamp_min(0)},
          static_cast<int64_t>(total)};
}

}  // namespace

void NormPlan::save_to(torch::autograd::AutogradContext& context) const {
  context.saved_data["training"] = training;
  context.saved_data["count"] = count;
  if (all) context.saved_data["all"] = c10::IValue::make_capsule(all);
}

NormPlan NormPlan::saved_in(torch::autograd::AutogradContext& context,
                            const torch::Tensor* tensors) {
  auto& saved = context.saved_data;
  NormPlan plan{.mean = tensors[0],
                .inverse = tensors[1],
                .scale = tensors[2],
                .offset = tensors[3],
                .training = saved["training"].toBool(),
                .count = saved["count"].toInt()};
  const auto all = saved.find("all");
  if (all != saved.end()) {
    plan.all = c10::static_intrusive_pointer_cast<StatisticsSum>(
        all->second.toCapsule());
  }
  return plan;
}

SeenMoments over_processes(const Moments& own, int64_t count,
                           const torch::nn::BatchNorm2dImpl& norm) {
  if (!SharedStatistics::active()) return {own, count};
  return over_processes(own, count,
                        norm.running_mean.to(torch::kCPU, torch::kDouble));
}

SeenMoments over_processes(const Moments& own, int64_t count) {
  if (!SharedStatistics::active()) return {own, count};
  return over_processes(own, count, torch::zeros_like(own.mean));
}

NormPlan plan_norm(torch::nn::BatchNorm2dImpl& norm, const Moments& batch,
                   int64_t count) {
  const torch::NoGradGuard no_grad;
  NormPlan plan;
  plan.training = norm.is_training();
  plan.count = count;
  if (plan.training) plan.all = SharedStatistics::active();
  if (plan.training) move_statistics(norm, batch, count);
  const auto mean = numbers_of(plan.training ? batch.mean : norm.running_mean),
             variance =
                 numbers_of(plan.training ? batch.variance : norm.running_var),
             weight = numbers_of(norm.weight.cpu()),
             bias = numbers_of(norm.bias.cpu());
  const auto channels = static_cast<int64_t>(mean.size());
  const auto all = torch::empty({4, channels}, torch::kDouble);
  auto* to = all.mutable_data_ptr<double>();
  for (int64_t c = 0; c < channels; ++c, ++to) {
    const auto i = static_cast<size_t>(c);
    const double inverse = 1 / std::sqrt(variance[i] + norm.options.eps());
    const double scale = weight[i] * inverse;
    to[0] = mean[i];
    to[channels] = inverse;
    to[2 * channels] = scale;
    to[3 * channels] = bias[i] - mean[i] * scale;
  }
  plan.mean = all[0];
  plan.inverse = all[1];
  plan.scale = all[2];
  plan.offset = all[3];
  return plan;
}

NormGradient through_statistics(const NormPlan& plan, const torch::Tensor& sum,
                                const torch::Tensor& product) {
  if (!plan.training || !plan.all) {
    return part_through_statistics(plan, sum, product);
  }
  auto both = torch::stack({sum, product});
  plan.all->sum(both);
  return part_through_statistics(plan, both[0], both[1]);
}

NormGradient part_through_statistics(const NormPlan& plan,
                                     const torch::Tensor& sum,
                                     const torch::Tensor& product) {
  if (!plan.training) return {torch::zeros_like(sum), torch::zeros_like(sum)};
  const int64_t channels = sum.size(0);
  const auto all = torch::empty({2, channels}, torch::kDouble);
  auto* to = all.mutable_data_ptr<double>();
  const auto* scale = plan.scale.const_data_ptr<double>();
  const auto* inverse = plan.inverse.const_data_ptr<double>();
  for (int64_t c = 0; c < channels; ++c, ++to) {
    const double share = -scale[c] / static_cast<double>(plan.count);
    to[0] =
        share * inverse[c] * inverse[c] * product.const_data_ptr<double>()[c];
    to[channels] = share * sum.const_data_ptr<double>()[c];
  }
  return {all[0], all[1]};
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
