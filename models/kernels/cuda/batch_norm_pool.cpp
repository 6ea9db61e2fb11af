#include "models/kernels/cuda/batch_norm_pool.h"

#include "models/kernels/cuda/launches.h"

namespace skipzoo {

namespace {

using torch::Tensor;

constexpr const char* kPool = "batch_norm_pool.cu";

/// Images, what is made of them, and the launches of either.
struct PoolLaunches {
  PoolLaunches(CudaKernels& kernels, const Tensor& x)
      : out{x.size(0), x.size(1), (x.size(2) - 1) / 2 + 1,
            (x.size(3) - 1) / 2 + 1},
        from(kernels, x),
        to(kernels, out, x.scalar_type()),
        shape{.from = from.layout,
              .to = to.layout,
              .height = static_cast<int>(x.size(2)),
              .width = static_cast<int>(x.size(3)),
              .out_height = static_cast<int>(out[2]),
              .out_width = static_cast<int>(out[3])} {}

  std::vector<int64_t> out;
  ImageLaunches from, to;
  cuda::PoolShape shape;
};

}  // namespace

NormalisedPool normalised_pool(CudaKernels& kernels, const Tensor& images,
                               const Tensor& numbers, bool with_taps) {
  const auto x = aligned(images);
  const PoolLaunches by(kernels, x);
  const auto made_of = [&](at::ScalarType type) {
    return torch::empty(by.out, x.options().dtype(type).memory_format(
                                    at::MemoryFormat::ChannelsLast));
  };
  NormalisedPool made{.y = made_of(x.scalar_type()),
                      .taps = with_taps ? made_of(at::kByte) : Tensor()};
  kernels(by.to.over_packs(kPool,
                           instance("batch_norm_pool", by.to.type, with_taps)),
          data_of(x), data_of(numbers), by.shape, room_of(made.y),
          room_of(made.taps));
  return made;
}

NormGradients norm_pool_gradients(CudaKernels& kernels, const Tensor& gradient,
                                  const NormPoolBackward& saved,
                                  NormWants wants) {
  const auto dy = aligned(gradient), x = aligned(saved.x);
  const PoolLaunches by(kernels, x);
  TotalGradients total;
  if (saved.training || wants.weight_or_bias) {
    const auto grid =
        sum_grid(by.to.layout, cuda::dense_threads(by.to.sum_size()),
                 by.to.multiprocessors);
    const auto partial =
        room({grid.slots, cuda::kGradientParts, cuda::lanes_of(by.to.layout)},
             x, by.to.sums);
    kernels(
        by.to.over_sums(
            kPool, instance("batch_norm_pool_gradient_sums", by.to.type), grid),
        data_of(dy), data_of(x), data_of(saved.taps), data_of(saved.numbers),
        by.shape, room_of(partial));
    total = total_gradients(kernels, by.to, partial, saved.numbers,
                            x.numel() / x.size(1), saved.training);
  }
  NormGradients made{
      .x = {}, .weight = total.weight, .bias = total.bias, .residual = {}};
  if (!wants.x) return made;
  made.x = torch::empty_like(x, at::MemoryFormat::ChannelsLast);
  kernels(by.from.over_packs(
              kPool, instance("batch_norm_pool_input_gradient", by.from.type)),
          data_of(dy), data_of(x), data_of(saved.taps), data_of(saved.numbers),
          saved.training ? data_of(total.through) : nullptr, by.shape,
          room_of(made.x));
  return made;
}

}  // namespace skipzoo
