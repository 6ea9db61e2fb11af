#include "models/kernels/algorithms/scale_shift.h"

namespace skipzoo {

torch::Tensor scale_shift(const torch::Tensor& x, const torch::Tensor& residual,
                          const torch::Tensor& scale,
                          const torch::Tensor& offset, bool relu) {
  SKIPZOO_PROFILE("batch_norm_relu");
  const ImageBlocks blocks(x, scale.dim() == 2);
  auto y = torch::empty_like(x, at::MemoryFormat::ChannelsLast);
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* from = x.const_data_ptr<scalar_t>();
    const auto* more =
        residual.defined() ? residual.const_data_ptr<scalar_t>() : nullptr;
    const auto* s = scale.const_data_ptr<A>();
    const auto* o = offset.const_data_ptr<A>();
    auto* to = y.mutable_data_ptr<scalar_t>();
    const int64_t channels = blocks.channels();
    blocks.for_each([&](int64_t, int64_t row, int64_t first, int64_t count) {
      const int64_t at = first * channels;
      rows::affine(from + at, channels, more == nullptr ? nullptr : more + at,
                   s + row * channels, o + row * channels, relu, count,
                   channels, to + at, channels);
    });
  });
  return y;
}

}  // namespace skipzoo
