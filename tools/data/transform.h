#pragma once

#include <cstdint>
#include <vector>

#include "models/tensor.h"
#include "tools/data/image.h"
#include "tools/data/options.h"

namespace skipzoo {

/// Python's round(): halves go to the even neighbour. PIL and torchvision place
/// a centre crop by it.
int64_t round_to_even(double value);

/// Resizes to (height, width), antialiased: PIL's pixels but for one in a few
/// hundred that differs by 1. Returns the image itself where it has that size.
Image resize(Image image, int64_t height, int64_t width,
             Interpolation interpolation);

/// The shorter side resized to `size`, then the middle size x size.
Image resize_and_crop(Image image, int64_t resized, int64_t size,
                      Interpolation interpolation);

/// What a network sees in evaluation: (image_size, image_size), or the image's
/// own size where image_size is 0.
Image evaluation_view(Image image, const DataOptions& options);

/// Pixels to what a network takes: (pixel / most - mean) / std, computed as
/// (pixel - most * mean) / (most * std).
class Normaliser {
 public:
  /// Empty mean and std: 0 and 1. most: the largest value of a pixel, 255 of a
  /// byte's; with 1 and neither mean nor std, numbers stay as they are.
  Normaliser(const std::vector<double>& mean, const std::vector<double>& std,
             torch::Device device, double most = 255);
  /// uint8 or float (N, C, H, W) -> float32 of the same shape and layout.
  torch::Tensor operator()(const torch::Tensor& pixels) const;

  /// most * mean and most * std, (1, C, 1, 1): for who bakes them in.
  const torch::Tensor& shift() const { return shift_; }
  const torch::Tensor& scale() const { return scale_; }

 private:
  /// float32 (channels or 1, 256): what becomes of each byte; on a CPU alone.
  torch::Tensor table_;
  torch::Tensor shift_, scale_;
};

}  // namespace skipzoo
