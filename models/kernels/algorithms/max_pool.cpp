#include "models/kernels/algorithms/max_pool.h"

#include <algorithm>
#include <array>

#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

/// What the loop over rows looks at: as many pixels as a window of 3x3 has.
constexpr int64_t kMostPixels = 9;

}  // namespace

bool suits_max_pool(const PoolWindow& window) {
  return window.size[0] * window.size[1] <= kMostPixels && !window.ceil_mode;
}

torch::Tensor max_pool(const torch::Tensor& images, const PoolWindow& window,
                       Allocate allocate) {
  SKIPZOO_PROFILE("max_pool");
  const auto x = images.contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t channels = x.size(1);
  const PoolSteps down(window, 0, x.size(2)), across(window, 1, x.size(3));
  const auto y =
      allocate({x.size(0), channels, down.count, across.count}, x.options());
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    const auto* from = x.const_data_ptr<scalar_t>();
    auto* to = y.mutable_data_ptr<scalar_t>();
    share_out(x.size(0) * down.count, [&](int64_t, int64_t line) {
      const int64_t image = line / down.count;
      const auto [top, bottom] = down.seen(line % down.count);
      for (int64_t i = 0, alike = 0; i < across.count; i += alike) {
        alike = across.alike(i);
        const auto [left, right] = across.seen(i);
        std::array<const scalar_t*, kMostPixels> pixels;
        size_t found = 0;
        for (int64_t h = top; h < bottom; ++h) {
          for (int64_t w = left; w < right; ++w) {
            const int64_t row = (image * down.length + h) * across.length + w;
            pixels[found++] = from + row * channels;
          }
        }
        // One more than once changes nothing.
        std::fill(pixels.begin() + found, pixels.end(), pixels[0]);
        rows::largest(pixels, across.stride * channels, alike, channels,
                      to + (line * across.count + i) * channels);
      }
    });
  });
  return y;
}

}  // namespace skipzoo
