#include "tools/data/transform.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "tools/data/resample.h"
#include "tools/data/stage_times.h"

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
  const InStage stage(Stage::kResize);
  if (resamples_fast()) return resample(image, height, width, interpolation);
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
  if (device.is_cpu()) {
    const auto bytes = at::arange(256, torch::kFloat).view({1, 1, 1, 256});
    table_ = ((bytes - shift_) / scale_).flatten(0, 2).contiguous();
  }
}

namespace {

/// Bytes to what a table makes of them. row: its values from one channel to the
/// next, which stand side by side in each of the pixels.
template <int64_t kChannels>
void look_up(const uint8_t* in, int64_t pixels, const float* table, int64_t row,
             float* out) {
  for (int64_t i = 0; i < pixels; ++i, in += kChannels, out += kChannels) {
    for (int64_t c = 0; c < kChannels; ++c) out[c] = table[row * c + in[c]];
  }
}

}  // namespace

torch::Tensor Normaliser::operator()(const torch::Tensor& pixels) const {
  const int64_t channels = pixels.dim() == 4 ? pixels.size(1) : 0;
  if (table_.defined() && pixels.is_cpu() &&
      pixels.scalar_type() == torch::kByte &&
      (channels == 1 || channels == 3) &&
      (table_.size(0) == 1 || table_.size(0) == channels) &&
      pixels.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    // In one pass over the memory.
    auto out = at::empty_like(pixels, torch::kFloat);
    const auto* in = pixels.const_data_ptr<uint8_t>();
    const auto* table = table_.const_data_ptr<float>();
    auto* to = out.mutable_data_ptr<float>();
    const int64_t row = table_.size(0) == 1 ? 0 : 256;
    const auto look = channels == 1 ? look_up<1> : look_up<3>;
    at::parallel_for(0, pixels.numel() / channels, 1 << 14,
                     [&](int64_t first, int64_t last) {
                       look(in + channels * first, last - first, table, row,
                            to + channels * first);
                     });
    return out;
  }
  // In place but for what is the caller's own.
  auto shifted = pixels.is_floating_point()
                     ? pixels.sub(shift_)
                     : pixels.to(torch::kFloat).sub_(shift_);
  return shifted.div_(scale_);
}

}  // namespace skipzoo
