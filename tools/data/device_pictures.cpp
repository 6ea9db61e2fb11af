#include "tools/data/device_pictures.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "tools/data/in_threads.h"

namespace skipzoo {

DevicePictures::DevicePictures(torch::Device device, int64_t count,
                               const Image& like, int64_t threads,
                               const std::function<Image(int64_t)>& read)
    : count_(count),
      channels_(like.channels),
      height_(like.height),
      width_(like.width) {
  const int64_t of_picture = height_ * width_;
  const int64_t bytes = of_picture * channels_;
  pixels_ = at::empty({count * of_picture + 1, channels_},
                      at::TensorOptions(device).dtype(torch::kByte));
  pixels_.select(0, count * of_picture).zero_();
  const auto all =
      pixels_.narrow(0, 0, count * of_picture).view({count, bytes});

  // In parts, so that the host has not all of them twice.
  constexpr int64_t kPart = int64_t{64} << 20;
  const int64_t at_once =
      std::clamp<int64_t>(kPart / bytes, 1, std::max<int64_t>(count, 1));
  const auto part = at::empty({at_once, bytes}, torch::kByte);
  auto* to = part.mutable_data_ptr<uint8_t>();
  for (int64_t first = 0; first < count; first += at_once) {
    const int64_t size = std::min(at_once, count - first);
    in_threads(size, threads, [&](int64_t i) {
      const Image image = read(first + i);
      if (std::ssize(image.pixels) != bytes) {
        throw std::logic_error("pictures in memory of more than one size");
      }
      std::memcpy(to + i * bytes, image.pixels.data(), image.pixels.size());
    });
    all.narrow(0, first, size).copy_(part.narrow(0, 0, size));
  }
}

torch::Tensor DevicePictures::range(int64_t first, int64_t last) const {
  const int64_t of_picture = height_ * width_;
  return pixels_.narrow(0, first * of_picture, (last - first) * of_picture)
      .view({last - first, height_, width_, channels_})
      .permute({0, 3, 1, 2});
}

torch::Tensor DevicePictures::placed(std::span<const Placed> pictures,
                                     bool pinned) const {
  const int64_t count = std::ssize(pictures);
  // Where each row of each begins among all pixels and where, from there, its
  // columns are; outside, so far that their sum is none of a picture's pixels.
  const int64_t outside = count_ * height_ * width_;
  const auto places =
      at::empty({count, height_ + width_},
                at::TensorOptions(torch::kLong).pinned_memory(pinned));
  auto* out = places.mutable_data_ptr<int64_t>();
  for (const auto& [index, where] : pictures) {
    for (int64_t y = 0; y < height_; ++y) {
      const int64_t row =
          where.top + (where.is_upside_down ? height_ - 1 - y : y);
      *out++ = row < 0 || row >= height_ ? outside
                                         : (index * height_ + row) * width_;
    }
    for (int64_t x = 0; x < width_; ++x) {
      const int64_t column =
          where.left + (where.is_mirrored ? width_ - 1 - x : x);
      *out++ = column < 0 || column >= width_ ? outside : column;
    }
  }
  const auto there = places.to(device(), /*non_blocking=*/true);
  const auto rows = there.narrow(1, 0, height_).unsqueeze(2);
  const auto columns = there.narrow(1, height_, width_).unsqueeze(1);
  return pixels_.index_select(0, (rows + columns).clamp_max_(outside).flatten())
      .view({count, height_, width_, channels_})
      .permute({0, 3, 1, 2});
}

}  // namespace skipzoo
