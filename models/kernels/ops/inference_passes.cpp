#include <algorithm>

#include "models/kernels/blocking/pixel_rows.h"
#include "models/kernels/ops/inference.h"

namespace skipzoo {

using torch::Tensor;

Tensor rows_of(const Tensor& images) {
  const bool is_whole = images.is_contiguous(at::MemoryFormat::ChannelsLast);
  // Of one column, a stride says nothing.
  return images.as_strided(
      {images.size(0) * images.size(2) * images.size(3), images.size(1)},
      {is_whole ? images.size(1) : images.stride(3), 1},
      images.storage_offset());
}

Tensor rows_of(const Tensor& images, int64_t channel, int64_t count) {
  return images.as_strided(
      {images.size(0) * images.size(2) * images.size(3), count},
      {images.size(1), 1}, images.storage_offset() + channel);
}

Tensor affine_relu(const Tensor& images, const Tensor& scale,
                   const Tensor& offset, Allocate allocate) {
  SKIPZOO_PROFILE("batch_norm_relu");
  auto y = allocate(images.sizes(), images.options());
  const auto from = rows_of(images), to = rows_of(y);
  const PixelRows blocks(from.size(0), from.size(1));
  const int64_t stride = from.stride(0);
  SKIPZOO_DISPATCH(images.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* x = from.const_data_ptr<scalar_t>();
    auto* out = to.mutable_data_ptr<scalar_t>();
    blocks.for_each_block([&](int64_t, int64_t first, int64_t count) {
      rows::affine(x + first * stride, stride,
                   static_cast<const scalar_t*>(nullptr),
                   scale.const_data_ptr<A>(), offset.const_data_ptr<A>(),
                   /*relu=*/true, count, blocks.channels,
                   out + first * blocks.channels, blocks.channels);
    });
  });
  return y;
}

Tensor global_average_pool(const Tensor& images, Allocate allocate) {
  SKIPZOO_PROFILE("global_average_pool");
  const auto x = images.contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t channels = x.size(1), pixels = x.size(2) * x.size(3);
  auto y = allocate({x.size(0), channels, 1, 1}, x.options());
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* from = x.const_data_ptr<scalar_t>();
    auto* to = y.mutable_data_ptr<scalar_t>();
    const int64_t grain = 1 + 65'536 / (channels * pixels + 1);
    share_out_ranges(x.size(0), grain, [&](int64_t first, int64_t last) {
      const auto size = static_cast<size_t>(channels);
      const std::vector<A> zeros(size);
      std::vector<A> sum(size), squares(size);
      for (int64_t n = first; n < last; ++n) {
        std::ranges::fill(sum, A(0));
        rows::sums(from + n * pixels * channels, channels, zeros.data(), pixels,
                   channels, sum.data(), squares.data());
        for (size_t c = 0; c < size; ++c) {
          to[n * channels + static_cast<int64_t>(c)] =
              static_cast<scalar_t>(sum[c] / static_cast<A>(pixels));
        }
      }
    });
  });
  return y;
}

Tensor pad_channels(const Tensor& images, int64_t front, int64_t back,
                    Allocate allocate) {
  SKIPZOO_PROFILE("pad_channels");
  const int64_t channels = images.size(1), width = front + channels + back;
  const int64_t rows = images.size(2), row_length = images.size(3);
  auto y =
      allocate({images.size(0), width, rows, row_length}, images.options());
  const auto strides = images.strides();
  SKIPZOO_DISPATCH(images.scalar_type(), [&] {
    const auto* x = images.const_data_ptr<scalar_t>();
    auto* to = y.mutable_data_ptr<scalar_t>();
    const int64_t grain = 1 + 65'536 / (width * row_length + 1);
    share_out_ranges(
        images.size(0) * rows, grain, [&](int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i) {
            const auto* from =
                x + i / rows * strides[0] + i % rows * strides[2];
            auto* row = to + i * row_length * width;
            for (int64_t column = 0; column < row_length; ++column) {
              row = std::fill_n(row, front, scalar_t(0));
              for (int64_t c = 0; c < channels; ++c) {
                *row++ = from[column * strides[3] + c * strides[1]];
              }
              row = std::fill_n(row, back, scalar_t(0));
            }
          }
        });
  });
  return y;
}

void copy_channels(const Tensor& images, const Tensor& wider, int64_t channel) {
  SKIPZOO_PROFILE("copy");
  const auto from = rows_of(images), to = rows_of(wider);
  const PixelRows blocks(from.size(0), from.size(1));
  const int64_t stride = from.stride(0), wide = to.stride(0);
  SKIPZOO_DISPATCH(images.scalar_type(), [&] {
    const auto* x = from.const_data_ptr<scalar_t>();
    auto* out = to.mutable_data_ptr<scalar_t>() + channel;
    blocks.for_each_block([&](int64_t, int64_t first, int64_t count) {
      rows::copy(x + first * stride, stride, count, blocks.channels,
                 out + first * wide, wide);
    });
  });
}

}  // namespace skipzoo
