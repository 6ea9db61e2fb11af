#include "tools/data/augment/transforms.h"

#include <algorithm>
#include <utility>

#include "tools/data/augment/blur.h"
#include "tools/data/augment/pixel_operations.h"
#include "tools/data/augment/policies.h"

namespace skipzoo {

namespace {

TrainingTransform vertical_flip() {
  return {
      .stream = "vflip",
      .apply =
          [](Image image, Random& random) {
            if (random.coin()) flip_vertically(image);
            return image;
          },
      .place = [](Placement& where,
                  Random& random) { where.is_upside_down = random.coin(); }};
}

TrainingTransform rotation(const AugmentOptions& options) {
  const double most = options.rotation;
  const auto chosen = options.interpolation;
  return {"rotation", [most, chosen](Image image, Random& random) {
            const double degrees = random.uniform(-most, most);
            const Resampling resampling = drawn_resampling(
                chosen, AugmentInterpolation::kNearest, random);
            return rotate(std::move(image), degrees, resampling, Fill{});
          }};
}

TrainingTransform policy(const DataOptions& options) {
  return {"auto_augment", [augment = options.augment, mean = options.mean](
                              Image image, Random& random) {
            return auto_augment(augment, mean, std::move(image), random);
          }};
}

Image jittered(Image image, const ColorJitterOptions& options, Random& random) {
  const auto factor = [&](double by) {
    return random.uniform(std::max(0.0, 1 - by), 1 + by);
  };
  // Drawn by those that are off too: to switch one on shifts no other's.
  const auto order = random.permutation(4);
  const double brightness = factor(options.brightness);
  const double contrast = factor(options.contrast);
  const double saturation = factor(options.saturation);
  const double turn = random.uniform(-options.hue, options.hue);
  for (const int64_t which : order) {
    if (which == 0) adjust_brightness(image, brightness);
    if (which == 1) adjust_contrast(image, contrast);
    if (which == 2) adjust_color(image, saturation);
    if (which == 3 && options.hue > 0) adjust_hue(image, turn);
  }
  return image;
}

TrainingTransform color_jitter(const ColorJitterOptions& options) {
  return {"color_jitter", [options](Image image, Random& random) {
            return jittered(std::move(image), options, random);
          }};
}

TrainingTransform grayscale(double p) {
  return {"grayscale", [p](Image image, Random& random) {
            if (random.uniform() < p) make_grey(image);
            return image;
          }};
}

TrainingTransform blur(const GaussianBlurOptions& options) {
  return {"gaussian_blur", [options](Image image, Random& random) {
            if (random.uniform() >= options.p) return image;
            const double sigma =
                random.uniform(options.sigma[0], options.sigma[1]);
            return gaussian_blur(image, options.kernel_size, sigma);
          }};
}

}  // namespace

std::vector<TrainingTransform> augmentations(const DataOptions& options) {
  const AugmentOptions& augment = options.augment;
  std::vector<TrainingTransform> all;
  if (augment.vflip) all.push_back(vertical_flip());
  if (augment.rotation > 0) all.push_back(rotation(augment));
  if (augment.auto_augment != AutoAugment::kNone) {
    all.push_back(policy(options));
  }
  if (augment.color_jitter.any()) {
    all.push_back(color_jitter(augment.color_jitter));
  }
  if (augment.grayscale > 0) all.push_back(grayscale(augment.grayscale));
  if (augment.gaussian_blur.p > 0) all.push_back(blur(augment.gaussian_blur));
  return all;
}

}  // namespace skipzoo
