#include "tools/data/transform.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace skipzoo {

namespace {

torch::Tensor as_tensor(Image& image) {
  const int64_t c = image.channels, h = image.height, w = image.width;
  return at::from_blob(image.pixels.data(), {1, c, h, w},
                       {h * w * c, 1, w * c, c}, torch::kByte);
}

}  // namespace

int64_t round_to_even(double value) {
  return static_cast<int64_t>(std::nearbyint(value));
}

Image resize(Image image, int64_t height, int64_t width,
             Interpolation interpolation) {
  if (image.height == height && image.width == width) return image;
  if (height < 1 || width < 1 || height * width > kMostPixels) {
    throw std::runtime_error("too long and thin a picture to be resized: to " +
                             std::to_string(width) + " x " +
                             std::to_string(height) +
                             " pixels, or is data.image_size too large?");
  }
  Image out(image.channels, height, width);
  const auto from = as_tensor(image);
  // On uint8 these are PIL's own integer arithmetic; through float they differ.
  const auto resized =
      interpolation == Interpolation::kBilinear
          ? at::_upsample_bilinear2d_aa(from, {height, width}, false)
          : at::_upsample_bicubic2d_aa(from, {height, width}, false);
  as_tensor(out).copy_(resized);
  return out;
}

Image crop(const Image& image, int64_t top, int64_t left, int64_t height,
           int64_t width) {
  if (top == 0 && left == 0 && height == image.height && width == image.width) {
    return image;
  }
  Image out(image.channels, height, width);
  const int64_t x0 = std::max<int64_t>(left, 0);
  const int64_t x1 = std::min(left + width, image.width);
  const int64_t y1 = std::min(top + height, image.height);
  if (x1 <= x0) return out;
  const auto count = static_cast<size_t>((x1 - x0) * image.channels);
  for (int64_t y = std::max<int64_t>(top, 0); y < y1; ++y) {
    const int64_t from = (y * image.width + x0) * image.channels;
    const int64_t to = ((y - top) * width + x0 - left) * image.channels;
    std::memcpy(&out.pixels[static_cast<size_t>(to)],
                &image.pixels[static_cast<size_t>(from)], count);
  }
  return out;
}

Image resize_and_crop(Image image, int64_t resized, int64_t size,
                      Interpolation interpolation) {
  // torchvision's Resize(int): the longer side is cut to a whole number.
  const int64_t shorter = std::min(image.height, image.width);
  const int64_t height = image.height * resized / shorter;
  const int64_t width = image.width * resized / shorter;
  image = resize(std::move(image), height, width, interpolation);
  const auto margin = [size](int64_t length) {
    return round_to_even(static_cast<double>(length - size) / 2.0);
  };
  return crop(image, margin(height), margin(width), size, size);
}

Image evaluation_view(Image image, const DataOptions& options) {
  if (options.image_size == 0) return image;
  const auto resized = static_cast<int64_t>(
      std::floor(static_cast<double>(options.image_size) / options.crop_pct));
  return resize_and_crop(std::move(image), resized, options.image_size,
                         options.interpolation);
}

Normaliser::Normaliser(const std::vector<double>& mean,
                       const std::vector<double>& std, torch::Device device,
                       double most) {
  const auto per_channel = [&](const std::vector<double>& values, double none) {
    const std::vector<double> filled =
        values.empty() ? std::vector<double>{none} : values;
    return (at::tensor(filled, torch::kDouble) * most)
        .to(torch::kFloat)
        .view({1, -1, 1, 1})
        .to(device);
  };
  shift_ = per_channel(mean, 0);
  scale_ = per_channel(std, 1);
}

torch::Tensor Normaliser::operator()(const torch::Tensor& pixels) const {
  // In place but for what is the caller's own.
  auto shifted = pixels.is_floating_point()
                     ? pixels.sub(shift_)
                     : pixels.to(torch::kFloat).sub_(shift_);
  return shifted.div_(scale_);
}

}  // namespace skipzoo
