#include "tools/data/pixel_view.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "tools/data/decoders.h"

namespace skipzoo {

namespace {

/// Where the colours of a pixel stand, of those that have more than one.
struct PixelLayout {
  int64_t bytes = 1;  ///< From one pixel to the next.
  int64_t red = 0, green = 0, blue = 0;
};

PixelLayout layout_of(PixelFormat format) {
  switch (format) {
    case PixelFormat::kRgb:
      return {.bytes = 3, .red = 0, .green = 1, .blue = 2};
    case PixelFormat::kBgr:
      return {.bytes = 3, .red = 2, .green = 1, .blue = 0};
    case PixelFormat::kRgba:
      return {.bytes = 4, .red = 0, .green = 1, .blue = 2};
    case PixelFormat::kBgra:
      return {.bytes = 4, .red = 2, .green = 1, .blue = 0};
    case PixelFormat::kGrey:
      return {};
  }
  throw std::runtime_error("pixels of an unknown format");
}

}  // namespace

Image copy_of(const PixelView& view, int64_t channels) {
  check_picture_size(view.height, view.width);
  if (view.data == nullptr) throw std::runtime_error("a picture without data");
  const PixelLayout layout = layout_of(view.format);
  const int64_t row = view.width * layout.bytes;
  const int64_t stride = view.stride == 0 ? row : view.stride;
  if (std::abs(stride) < row) {
    throw std::runtime_error("a stride of " + std::to_string(stride) +
                             " bytes for rows of " + std::to_string(row));
  }
  Image image(layout.bytes == 1 ? 1 : 3, view.height, view.width);
  uint8_t* out = image.pixels.data();
  for (int64_t y = 0; y < view.height; ++y) {
    const uint8_t* in = view.data + y * stride;
    if (layout.bytes == 1 || view.format == PixelFormat::kRgb) {
      std::memcpy(out, in, static_cast<size_t>(row));
      out += row;
      continue;
    }
    for (int64_t x = 0; x < view.width; ++x, in += layout.bytes, out += 3) {
      out[0] = in[layout.red];
      out[1] = in[layout.green];
      out[2] = in[layout.blue];
    }
  }
  return with_channels(std::move(image), channels);
}

}  // namespace skipzoo
