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

/// Python's round(): halves go to the even neighbour. PIL and torchvision place
/// a centre crop by it.
int64_t round_to_even(double value) {
  return static_cast<int64_t>(std::nearbyint(value));
}

Image mirrored(const Image& image) {
  Image out(image.channels, image.height, image.width);
  const auto c = static_cast<size_t>(image.channels);
  const auto w = static_cast<size_t>(image.width);
  for (size_t y = 0; y < static_cast<size_t>(image.height); ++y) {
    for (size_t x = 0; x < w; ++x) {
      std::memcpy(&out.pixels[(y * w + x) * c],
                  &image.pixels[(y * w + w - 1 - x) * c], c);
    }
  }
  return out;
}

/// torchvision's RandomResizedCrop.get_params: ten tries, then the largest
/// middle part of an allowed shape.
Image random_part(const Image& image, const AugmentOptions& options,
                  Random& random) {
  const auto height = static_cast<double>(image.height);
  const auto width = static_cast<double>(image.width);
  for (int i = 0; i < 10; ++i) {
    const double area =
        height * width * random.uniform(options.scale[0], options.scale[1]);
    const double ratio = std::exp(
        random.uniform(std::log(options.ratio[0]), std::log(options.ratio[1])));
    const int64_t w = round_to_even(std::sqrt(area * ratio));
    const int64_t h = round_to_even(std::sqrt(area / ratio));
    if (w > 0 && w <= image.width && h > 0 && h <= image.height) {
      const int64_t top = random.below(image.height - h + 1);
      const int64_t left = random.below(image.width - w + 1);
      return crop(image, top, left, h, w);
    }
  }
  const double ratio =
      std::clamp(width / height, options.ratio[0], options.ratio[1]);
  const int64_t w =
      std::clamp<int64_t>(round_to_even(height * ratio), 1, image.width);
  const int64_t h =
      std::clamp<int64_t>(round_to_even(width / ratio), 1, image.height);
  return crop(image, (image.height - h) / 2, (image.width - w) / 2, h, w);
}

}  // namespace

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

Image training_view(Image image, const DataOptions& options, Random random) {
  const AugmentOptions& augment = options.augment;
  const int64_t size = options.image_size;
  if (augment.random_resized_crop) {
    const int64_t h = size == 0 ? image.height : size;
    const int64_t w = size == 0 ? image.width : size;
    image = resize(random_part(image, augment, random), h, w,
                   options.interpolation);
  } else if (size != 0) {
    image =
        resize_and_crop(std::move(image), size, size, options.interpolation);
  }
  if (const int64_t pad = augment.pad_and_crop; pad > 0) {
    const int64_t top = random.below(2 * pad + 1) - pad;
    const int64_t left = random.below(2 * pad + 1) - pad;
    image = crop(image, top, left, image.height, image.width);
  }
  if (augment.hflip && random.coin()) image = mirrored(image);
  return image;
}

Normaliser::Normaliser(const std::vector<double>& mean,
                       const std::vector<double>& std, torch::Device device) {
  const auto per_channel = [&](const std::vector<double>& values, double none) {
    const std::vector<double> filled =
        values.empty() ? std::vector<double>{none} : values;
    return (at::tensor(filled, torch::kDouble) * 255)
        .to(torch::kFloat)
        .view({1, -1, 1, 1})
        .to(device);
  };
  shift_ = per_channel(mean, 0);
  scale_ = per_channel(std, 1);
}

torch::Tensor Normaliser::operator()(const torch::Tensor& pixels) const {
  return pixels.to(torch::kFloat).sub_(shift_).div_(scale_);
}

}  // namespace skipzoo
