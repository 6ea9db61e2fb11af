#include "tools/data/training_transforms.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "tools/data/augment/transforms.h"
#include "tools/data/transform.h"

namespace skipzoo {

namespace {

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
/// centred part of an allowed aspect ratio.
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

/// What crops and flips draw from, in turn: the sample's own numbers.
constexpr std::string_view kGeometry;

TrainingTransform random_resized_crop(const DataOptions& options) {
  return {kGeometry, [options](Image image, Random& random) {
            const int64_t size = options.image_size;
            const int64_t height = size == 0 ? image.height : size;
            const int64_t width = size == 0 ? image.width : size;
            return resize(random_part(image, options.augment, random), height,
                          width, options.interpolation);
          }};
}

TrainingTransform resize_and_centre_crop(const DataOptions& options) {
  return {kGeometry, [options](Image image, Random&) {
            return resize_and_crop(std::move(image), options.image_size,
                                   options.image_size, options.interpolation);
          }};
}

TrainingTransform pad_and_crop(int64_t pad) {
  return {kGeometry, [pad](Image image, Random& random) {
            const int64_t top = random.below(2 * pad + 1) - pad;
            const int64_t left = random.below(2 * pad + 1) - pad;
            return crop(image, top, left, image.height, image.width);
          }};
}

TrainingTransform horizontal_flip() {
  return {kGeometry, [](Image image, Random& random) {
            return random.coin() ? mirrored(image) : image;
          }};
}

}  // namespace

std::vector<TrainingTransform> training_transforms(const DataOptions& options) {
  const AugmentOptions& augment = options.augment;
  std::vector<TrainingTransform> all;
  if (augment.random_resized_crop) {
    all.push_back(random_resized_crop(options));
  } else if (options.image_size != 0) {
    all.push_back(resize_and_centre_crop(options));
  }
  if (augment.pad_and_crop > 0) {
    all.push_back(pad_and_crop(augment.pad_and_crop));
  }
  if (augment.hflip) all.push_back(horizontal_flip());
  for (auto& one : augmentations(options)) all.push_back(std::move(one));
  return all;
}

Image training_view(Image image, std::span<const TrainingTransform> transforms,
                    const Random& sample) {
  std::map<std::string_view, Random> streams = {{kGeometry, sample}};
  for (const auto& transform : transforms) {
    const auto own =
        streams.try_emplace(transform.stream, sample.stream(transform.stream));
    image = transform.apply(std::move(image), own.first->second);
  }
  return image;
}

}  // namespace skipzoo
