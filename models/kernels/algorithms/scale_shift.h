#pragma once

#include <torch/types.h>

#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

/// What threads work on at a time: blocks of pixels or, where per-channel
/// numbers are each image's own, images.
class ImageBlocks {
 public:
  ImageBlocks(const torch::Tensor& x, bool by_image)
      : rows_(x), by_image_(by_image), images_(x.size(0)) {}

  int64_t count() const { return by_image_ ? images_ : rows_.blocks(); }
  int64_t channels() const { return rows_.channels; }

  /// Calls body(block, row of the per-channel numbers, first pixel, pixels).
  template <typename Body>
  void for_each(const Body& body) const {
    if (!by_image_) {
      return rows_.for_each_block([&](int64_t b, int64_t first, int64_t count) {
        body(b, 0, first, count);
      });
    }
    const int64_t pixels = rows_.count / images_;
    share_out(images_, [&](int64_t, int64_t image) {
      body(image, image, image * pixels, pixels);
    });
  }

 private:
  PixelRows rows_;
  bool by_image_;
  int64_t images_;
};

/// y = scale * x + offset + residual, then a ReLU where `relu` says so, in one
/// pass.
///
/// x: (N, C, H, W), channels-last, of a type that the kernels know. residual:
/// as x, or null. scale, offset: (C), or each image's own, (N, C); of x's
/// accumulation type.
torch::Tensor scale_shift(const torch::Tensor& x, const torch::Tensor& residual,
                          const torch::Tensor& scale,
                          const torch::Tensor& offset, bool relu);

}  // namespace skipzoo
