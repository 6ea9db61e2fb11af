#include "models/kernels/cuda/batch_norm.h"

#include "models/kernels/cuda/launches.h"

namespace skipzoo {

namespace {

using torch::Tensor;

constexpr const char* kForward = "batch_norm.cu";
constexpr const char* kBackward = "batch_norm_backward.cu";

int64_t lanes(const ImageLaunches& by) { return cuda::lanes_of(by.layout); }

}  // namespace

Tensor partial_moments(CudaKernels& kernels, const ImageLaunches& by,
                       const Tensor& x) {
  const auto grid = by.sum_grid();
  auto partial = room({grid.slots, cuda::kMomentsParts, lanes(by)}, x, by.sums);
  kernels(by.over_sums(kForward, instance("batch_norm_moments", by.type), grid),
          data_of(x), by.layout, room_of(partial));
  return partial;
}

TotalGradients total_gradients(CudaKernels& kernels, const ImageLaunches& by,
                               const Tensor& partial, const Tensor& numbers,
                               int64_t pixels, bool training) {
  const int64_t channels = numbers.size(1);
  TotalGradients made{
      .weight = room({channels}, numbers, by.sums),
      .bias = room({channels}, numbers, by.sums),
      .through = room({cuda::kGradientNumbers, channels}, numbers, by.sums)};
  kernels(by.over_totals(kBackward,
                         instance("batch_norm_gradient_numbers", by.sum_type)),
          data_of(partial), static_cast<int>(partial.size(0)), by.layout,
          data_of(numbers), static_cast<long long>(pixels),
          static_cast<int>(training), room_of(made.weight), room_of(made.bias),
          room_of(made.through));
  return made;
}

Tensor batch_numbers(CudaKernels& kernels, const Tensor& images,
                     torch::nn::BatchNorm2dImpl& norm) {
  const auto x = aligned(images);
  const ImageLaunches by(kernels, x);
  const auto partial = partial_moments(kernels, by, x);
  auto numbers = room({cuda::kNormNumbers, x.size(1)}, x, by.sums);
  kernels(by.over_totals(kForward, instance("batch_norm_numbers", by.type)),
          data_of(partial), static_cast<int>(partial.size(0)), data_of(x),
          by.layout, state_of(norm), room_of(numbers));
  return numbers;
}

Tensor running_numbers(const torch::nn::BatchNorm2dImpl& norm) {
  const auto inverse = (norm.running_var + norm.options.eps()).rsqrt();
  return torch::stack({norm.running_mean, inverse,
                       norm.weight.detach() * inverse, norm.bias.detach()});
}

Tensor numbers_of(CudaKernels& kernels, const Tensor& x,
                  torch::nn::BatchNorm2dImpl& norm) {
  const torch::NoGradGuard no_grad;
  return norm.is_training() ? batch_numbers(kernels, x, norm)
                            : running_numbers(norm);
}

Normalised normalised(CudaKernels& kernels, const Tensor& images,
                      const Tensor& numbers, const Tensor& residual,
                      NormalisedAs as) {
  const auto x = aligned(images);
  const auto added = residual.defined() ? aligned(residual) : Tensor();
  const ImageLaunches by(kernels, x);
  Normalised made{.y = torch::empty_like(x, at::MemoryFormat::ChannelsLast),
                  .mask = {}};
  if (as.relu && as.with_mask) {
    const int64_t bytes = by.layout.packs + (by.layout.tail > 0 ? 1 : 0);
    made.mask = room({bytes}, x, at::kByte);
  }
  kernels(by.over_packs(kForward, instance("batch_norm_apply", by.type, as.relu,
                                           added.defined())),
          data_of(x), data_of(added), data_of(numbers), by.layout,
          room_of(made.y), room_of(made.mask));
  return made;
}

NormGradients norm_gradients(CudaKernels& kernels, const Tensor& gradient,
                             const NormBackward& saved, NormWants wants) {
  const auto dy = aligned(gradient), x = aligned(saved.x);
  const bool relu = saved.mask.defined();
  const ImageLaunches by(kernels, x);
  TotalGradients total;
  if (saved.training || wants.weight_or_bias) {
    const auto grid = by.sum_grid();
    const auto partial =
        room({grid.slots, cuda::kGradientParts, lanes(by)}, x, by.sums);
    kernels(
        by.over_sums(kBackward,
                     instance("batch_norm_gradient_sums", by.type, relu), grid),
        data_of(dy), data_of(x), data_of(saved.mask), data_of(saved.numbers),
        by.layout, room_of(partial));
    total = total_gradients(kernels, by, partial, saved.numbers,
                            x.numel() / x.size(1), saved.training);
  }
  NormGradients made{
      .x = {}, .weight = total.weight, .bias = total.bias, .residual = {}};
  const bool writes_residual = wants.residual && relu;
  if (wants.x || writes_residual) {
    made.x = torch::empty_like(x, at::MemoryFormat::ChannelsLast);
    if (writes_residual) made.residual = torch::empty_like(made.x);
    kernels(by.over_packs(kBackward, instance("batch_norm_input_gradient",
                                              by.type, relu, writes_residual)),
            data_of(dy), data_of(x), data_of(saved.mask),
            data_of(saved.numbers),
            saved.training ? data_of(total.through) : nullptr, by.layout,
            room_of(made.x), room_of(made.residual));
  }
  if (wants.residual && !relu) made.residual = dy;
  return made;
}

}  // namespace skipzoo
