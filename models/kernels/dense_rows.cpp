#include "models/kernels/dense_rows.h"

#include <algorithm>

#include "models/kernels/pixel_rows.h"

namespace skipzoo {

std::vector<Chunk> ImageSize::chunks(const torch::Tensor& rows,
                                     int64_t channels) const {
  constexpr int64_t kBytes = 2 << 20;
  const int64_t pixels = height * width;
  const int64_t bytes =
      pixels * channels * static_cast<int64_t>(rows.element_size());
  const int64_t most = pixels * std::max<int64_t>(kBytes / bytes, 1);
  std::vector<Chunk> chunks;
  for (int64_t first = 0; first < rows.size(0); first += most) {
    chunks.push_back({first, std::min(most, rows.size(0) - first)});
  }
  return chunks;
}

torch::Tensor ImageSize::images(const torch::Tensor& rows) const {
  return rows.view({-1, height, width, rows.size(1)}).permute({0, 3, 1, 2});
}

torch::Tensor as_rows(const torch::Tensor& images) {
  return images.permute({0, 2, 3, 1}).reshape({-1, images.size(1)});
}

void put(const torch::Tensor& rows, const torch::Tensor& wider,
         int64_t channel) {
  const PixelRows blocks(rows.size(0), rows.size(1));
  const int64_t stride = wider.size(1);
  SKIPZOO_DISPATCH(rows.scalar_type(), [&] {
    const auto* from = rows.const_data_ptr<scalar_t>();
    auto* to = wider.mutable_data_ptr<scalar_t>() + channel;
    blocks.for_each_block([&](int64_t, int64_t first, int64_t count) {
      rows::put(from + first * blocks.channels, count, blocks.channels,
                to + first * stride, stride);
    });
  });
}

NormInput::NormInput(const torch::Tensor& rows, const NormPlan& plan)
    : rows_(rows),
      scale_(accumulator(rows, plan.scale)),
      offset_(accumulator(rows, plan.offset)),
      mean_(accumulator(rows, plan.mean)) {}

torch::Tensor NormInput::activated(const Chunk& chunk) const {
  auto y = torch::empty({chunk.rows, channels()}, rows_.options());
  const PixelRows blocks(chunk.rows, channels());
  const int64_t stride = rows_.size(1);
  SKIPZOO_DISPATCH(rows_.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* from = rows_.const_data_ptr<scalar_t>() + chunk.first * stride;
    auto* to = y.mutable_data_ptr<scalar_t>();
    blocks.for_each_block([&](int64_t, int64_t first, int64_t count) {
      rows::affine_relu(from + first * stride, stride,
                        static_cast<const scalar_t*>(nullptr),
                        scale_.const_data_ptr<A>(), offset_.const_data_ptr<A>(),
                        count, blocks.channels, to + first * blocks.channels);
    });
  });
  return y;
}

NormInput::Sums NormInput::gradient_sums(const Chunk& chunk,
                                         const torch::Tensor& da) const {
  const PixelRows blocks(chunk.rows, channels());
  ChannelSums sums(blocks.blocks(), channels(), rows_.scalar_type());
  SKIPZOO_DISPATCH(rows_.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* g = da.const_data_ptr<scalar_t>();
    const auto* x = chunk.of(rows_).const_data_ptr<scalar_t>();
    blocks.for_each_block([&](int64_t b, int64_t first, int64_t count) {
      const int64_t at = first * blocks.channels;
      const auto [sum, product] = sums.of_block<A>(b);
      rows::gradient_sums(g + at, static_cast<const scalar_t*>(nullptr), x + at,
                          mean_.const_data_ptr<A>(), scale_.const_data_ptr<A>(),
                          offset_.const_data_ptr<A>(), count, blocks.channels,
                          sum, product);
    });
  });
  return sums.total();
}

NormInput::Sums NormInput::add_gradient(const Chunk& chunk,
                                        const torch::Tensor& da,
                                        const torch::Tensor& a,
                                        const torch::Tensor& total) const {
  const PixelRows blocks(chunk.rows, channels());
  const int64_t stride = rows_.size(1);
  ChannelSums sums(blocks.blocks(), channels(), rows_.scalar_type());
  SKIPZOO_DISPATCH(rows_.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* g = da.const_data_ptr<scalar_t>();
    const auto* y = a.const_data_ptr<scalar_t>();
    const auto* x = chunk.of(rows_).const_data_ptr<scalar_t>();
    auto* to = chunk.of(total).mutable_data_ptr<A>();
    blocks.for_each_block([&](int64_t b, int64_t first, int64_t count) {
      const int64_t at = first * blocks.channels;
      const auto [sum, product] = sums.of_block<A>(b);
      rows::add_gradient(g + at, y + at, x + first * stride, stride,
                         mean_.const_data_ptr<A>(), scale_.const_data_ptr<A>(),
                         count, blocks.channels, to + first * stride, sum,
                         product);
    });
  });
  return sums.total();
}

void NormInput::finish_gradient(const Chunk& chunk, const torch::Tensor& da,
                                const NormGradient& through) const {
  const PixelRows blocks(chunk.rows, channels());
  const auto slope = accumulator(rows_, through.slope);
  const auto offset = accumulator(rows_, through.offset);
  SKIPZOO_DISPATCH(rows_.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    auto* g = da.mutable_data_ptr<scalar_t>();
    const auto* x = chunk.of(rows_).const_data_ptr<scalar_t>();
    blocks.for_each_block([&](int64_t, int64_t first, int64_t count) {
      const int64_t at = first * blocks.channels;
      rows::input_gradient(
          g + at, static_cast<const scalar_t*>(nullptr), x + at,
          mean_.const_data_ptr<A>(), scale_.const_data_ptr<A>(),
          offset_.const_data_ptr<A>(), slope.const_data_ptr<A>(),
          offset.const_data_ptr<A>(), count, blocks.channels, g + at,
          static_cast<scalar_t*>(nullptr));
    });
  });
}

torch::Tensor finished_gradient(const torch::Tensor& total,
                                const torch::Tensor& rows, int64_t channel,
                                int64_t count, const torch::Tensor& mean,
                                const NormGradient& through) {
  auto dx = torch::empty({rows.size(0), count}, rows.options());
  const PixelRows blocks(rows.size(0), count);
  const int64_t stride = rows.size(1);
  const auto own = [&](const torch::Tensor& of) {
    return accumulator(rows, of.narrow(0, channel, count));
  };
  const auto m = own(mean), slope = own(through.slope),
             offset = own(through.offset);
  SKIPZOO_DISPATCH(rows.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* g = total.const_data_ptr<A>() + channel;
    const auto* x = rows.const_data_ptr<scalar_t>() + channel;
    auto* to = dx.mutable_data_ptr<scalar_t>();
    blocks.for_each_block([&](int64_t, int64_t first, int64_t n) {
      const int64_t at = first * stride;
      rows::finish_gradient(g + at, x + at, stride, m.const_data_ptr<A>(),
                            slope.const_data_ptr<A>(),
                            offset.const_data_ptr<A>(), n, count,
                            to + first * count);
    });
  });
  return dx;
}

}  // namespace skipzoo
