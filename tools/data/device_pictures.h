#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "models/tensor.h"
#include "tools/data/image.h"
#include "tools/data/training_transforms.h"

namespace skipzoo {

/// Pictures of one size in a device's memory, as bytes: what a step of a small
/// network then needs of the host is which of them it takes, and how they lie.
class DevicePictures {
 public:
  /// Reads all `count` of them, of which `like` is one, in `threads` threads.
  /// Throws as `read` does.
  DevicePictures(torch::Device device, int64_t count, const Image& like,
                 int64_t threads, const std::function<Image(int64_t)>& read);

  torch::Device device() const { return pixels_.device(); }

  /// Pictures first … last - 1: uint8 (N, C, H, W), channels-last. Not a copy:
  /// not to be written to.
  torch::Tensor range(int64_t first, int64_t last) const;

  struct Placed {
    int64_t index;
    Placement where;
  };
  /// Some of them, each moved in its own way: as range(), but a copy. pinned:
  /// where they lie goes through page-locked memory, and nobody waits for it.
  torch::Tensor placed(std::span<const Placed> pictures, bool pinned) const;

 private:
  int64_t count_, channels_, height_, width_;
  /// uint8 (count * H * W + 1, C): all pixels and, behind them, one of zeros.
  torch::Tensor pixels_;
};

}  // namespace skipzoo
