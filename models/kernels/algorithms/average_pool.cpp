#include "models/kernels/algorithms/average_pool.h"

#include <algorithm>
#include <array>

#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

/// Whether pixels lie one behind the other, their channels beside each other.
bool are_rows(const torch::Tensor& images) {
  return images.stride(1) == 1 &&
         images.stride(2) == images.size(3) * images.stride(3) &&
         images.stride(0) == images.size(2) * images.stride(2);
}

}  // namespace

bool suits_average_pool(const PoolWindow& window) {
  const std::vector<int64_t> two = {2, 2}, none = {0, 0};
  return window.size == two && window.padding == none;
}

at::DimVector average_pool_sizes(const torch::Tensor& images,
                                 const PoolWindow& window) {
  const int64_t height = PoolSteps(window, 0, images.size(2)).count;
  const int64_t width = PoolSteps(window, 1, images.size(3)).count;
  TORCH_CHECK(height > 0 && width > 0, "an average pooling of 2x2 pixels of ",
              images.size(2), "x", images.size(3), " has no result");
  return {images.size(0), images.size(1), height, width};
}

void average_pool(const torch::Tensor& images, const PoolWindow& window,
                  const torch::Tensor& to) {
  SKIPZOO_PROFILE("average_pool");
  const auto x = are_rows(images)
                     ? images
                     : images.contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t channels = x.size(1);
  // Of one column, a stride says nothing.
  const int64_t pixel =
      x.is_contiguous(at::MemoryFormat::ChannelsLast) ? channels : x.stride(3);
  const PoolSteps down(window, 0, x.size(2)), across(window, 1, x.size(3));
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    const auto* from = x.const_data_ptr<scalar_t>();
    auto* out = to.mutable_data_ptr<scalar_t>();
    share_out(x.size(0) * down.count, [&](int64_t, int64_t line) {
      const auto [top, bottom] = down.seen(line % down.count);
      const auto* first = from + (line / down.count * down.length + top) *
                                     across.length * pixel;
      const auto* second = first + (bottom - top - 1) * across.length * pixel;
      for (int64_t i = 0, alike = 0; i < across.count; i += alike) {
        alike = across.alike(i);
        const auto [left, right] = across.seen(i);
        const int64_t a = left * pixel, b = (right - 1) * pixel;
        auto* y = out + (line * across.count + i) * to.stride(3);
        const int64_t step = across.stride * pixel;
        const bool is_wide = a != b, is_high = first != second;
        if (is_wide && is_high) {
          rows::mean(std::array{first + a, first + b, second + a, second + b},
                     step, alike, channels, y, to.stride(3));
        } else if (is_wide || is_high) {
          rows::mean(std::array{first + a, second + b}, step, alike, channels,
                     y, to.stride(3));
        } else {
          rows::copy(first + a, step, alike, channels, y, to.stride(3));
        }
      }
    });
  });
}

}  // namespace skipzoo
