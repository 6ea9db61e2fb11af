#include "models/kernels/cuda/dense_block.h"

#include "models/kernels/cuda/launches.h"

namespace skipzoo {

namespace {

using torch::Tensor;

constexpr const char* kDense = "dense_block.cu";
constexpr int64_t kHalf = cuda::kPack / 2;

std::vector<int64_t> shape_of(const Tensor& features, int64_t channels) {
  return {features.size(0), channels, features.size(2), features.size(3)};
}

cuda::Columns columns_of(const Tensor& features, int64_t first) {
  return {static_cast<int>(first), static_cast<int>(features.size(1))};
}

/// Whether a pack of the channels lies in one row and can be loaded as one.
bool is_whole(const cuda::PackLayout& layout, const cuda::Columns& columns) {
  return layout.channels % cuda::kPack == 0 &&
         columns.first % cuda::kPack == 0 && columns.stride % cuda::kPack == 0;
}

int64_t pixels_of(const Tensor& features) {
  return features.numel() / features.size(1);
}

}  // namespace

Verdict suits_dense_columns(int64_t count, int64_t channels, int64_t pixels) {
  if (count % kHalf != 0 || channels % kHalf != 0) {
    return declined("# of # channels, of which half a pack is #", count,
                    channels, kHalf);
  }
  if (pixels % 2 != 0 && count % cuda::kPack != 0) {
    return declined("an odd number of pixels, of # channels", count);
  }
  return taken("channels in packs, or in halves of one");
}

void put_features(CudaKernels& kernels, const Tensor& images, int64_t first,
                  const Tensor& features, const Tensor& moments) {
  const int64_t count = images.size(1);
  const auto x = aligned(images);
  features.narrow(1, first, count).copy_(x);
  if (!moments.defined()) return;
  const ImageLaunches by(kernels, x);
  const auto partial = partial_moments(kernels, by, x);
  kernels(by.over_totals(kDense, instance("dense_moments", by.type)),
          data_of(partial), static_cast<int>(partial.size(0)), data_of(x),
          by.layout, room_of(moments[0].narrow(0, first, count)),
          room_of(moments[1].narrow(0, first, count)));
}

Tensor dense_numbers(CudaKernels& kernels, const Tensor& moments,
                     int64_t pixels, torch::nn::BatchNorm2dImpl& norm) {
  const int64_t channels = norm.weight.size(0);
  auto numbers =
      room({cuda::kNormNumbers, channels}, moments, moments.scalar_type());
  const auto blocks = static_cast<unsigned>((channels + cuda::kMapThreads - 1) /
                                            cuda::kMapThreads);
  kernels({kDense,
           instance("dense_numbers", cuda_type_name(moments.scalar_type())),
           {blocks, 1},
           {cuda::kMapThreads, 1}},
          data_of(moments[0]), data_of(moments[1]),
          static_cast<long long>(pixels), static_cast<int>(channels),
          state_of(norm), room_of(numbers));
  return numbers;
}

Tensor dense_activated(CudaKernels& kernels, const Tensor& features,
                       const Tensor& numbers) {
  const auto shape = shape_of(features, numbers.size(1));
  const ImageLaunches by(kernels, shape, features.scalar_type());
  const auto columns = columns_of(features, 0);
  auto y =
      torch::empty(shape, features.options(), at::MemoryFormat::ChannelsLast);
  kernels(by.over_packs(kDense, instance("dense_activate", by.type,
                                         is_whole(by.layout, columns))),
          data_of(features), columns, data_of(numbers), by.layout, room_of(y));
  return y;
}

std::pair<Tensor, Tensor> add_dense_gradient(
    CudaKernels& kernels, const Tensor& gradient, const Tensor& features,
    const Tensor& numbers, bool training, const DenseTotal& total) {
  const auto da = aligned(gradient);
  const ImageLaunches by(kernels, da);
  const auto columns = columns_of(features, 0);
  const auto grid = sum_grid(by.layout, cuda::dense_threads(by.sum_size()),
                             by.multiprocessors, cuda::kDenseBlocks);
  const auto partial =
      room({grid.slots, cuda::kGradientParts, cuda::lanes_of(by.layout)}, da,
           by.sums);
  kernels(ImageLaunches::over_sums(
              kDense,
              instance("dense_gradient", by.type, is_whole(by.layout, columns)),
              grid),
          data_of(da), data_of(features), columns, data_of(numbers), by.layout,
          room_of(total.direct), room_of(partial));
  const auto found = total_gradients(kernels, by, partial, numbers,
                                     pixels_of(features), training);
  if (training) {
    total.through.narrow(1, 0, numbers.size(1)).add_(found.through);
  }
  return {found.weight, found.bias};
}

Tensor dense_gradient_of(CudaKernels& kernels, const DenseTotal& total,
                         const Tensor& features, const Tensor& moments,
                         int64_t first, int64_t count) {
  const auto shape = shape_of(features, count);
  const ImageLaunches by(kernels, shape, features.scalar_type());
  const auto columns = columns_of(features, first);
  const auto own = [&](const Tensor& numbers) {
    return data_of(numbers.narrow(0, first, count));
  };
  auto dx =
      torch::empty(shape, features.options(), at::MemoryFormat::ChannelsLast);
  kernels(by.over_packs(kDense, instance("dense_finish", by.type,
                                         is_whole(by.layout, columns))),
          data_of(total.direct), data_of(features), columns, own(moments[0]),
          own(total.through[cuda::kSlope]), own(total.through[cuda::kConstant]),
          by.layout, room_of(dx));
  return dx;
}

}  // namespace skipzoo
