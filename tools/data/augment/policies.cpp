#include "tools/data/augment/policies.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tools/data/augment/pixel_operations.h"
#include "tools/data/distributions.h"

namespace skipzoo {

namespace {

using enum Operation;

constexpr Operation kTorchvision[] = {
    kIdentity,  kShearX,     kShearY,       kTranslateX, kTranslateY,
    kRotate,    kBrightness, kColor,        kContrast,   kSharpness,
    kPosterize, kSolarize,   kAutoContrast, kEqualize};
constexpr Operation kIncreasing[] = {
    kAutoContrast, kEqualize,    kInvert, kRotate,     kPosterize,
    kSolarize,     kSolarizeAdd, kColor,  kContrast,   kBrightness,
    kSharpness,    kShearX,      kShearY, kTranslateX, kTranslateY};
constexpr Operation kAugMix[] = {
    kAutoContrast, kColor,      kContrast,  kBrightness, kSharpness,
    kEqualize,     kRotate,     kPosterize, kSolarize,   kShearX,
    kShearY,       kTranslateX, kTranslateY};

template <typename List>
auto drawn(const List& list, Random& random) {
  return list[static_cast<size_t>(random.below(std::ssize(list)))];
}

int drawn_sign(Random& random) { return random.coin() ? 1 : -1; }

/// What all draws of a policy for one picture have in common.
struct Drawing {
  const AugmentOptions& options;
  int64_t height, width;
  Random& random;

  Step torchvision(Operation operation, const Ranges& ranges, int64_t bin,
                   int64_t bins) const {
    const int sign = drawn_sign(random);
    return {
        .operation = operation,
        .argument = torchvision_argument(operation, ranges, bin, bins, sign),
        .resampling = drawn_resampling(options.interpolation,
                                       AugmentInterpolation::kNearest, random)};
  }

  Step timm(Operation operation, double level) const {
    const int sign = drawn_sign(random);
    return {.operation = operation,
            .argument = timm_argument(operation, level, sign, height, width),
            .resampling = drawn_resampling(
                options.interpolation, AugmentInterpolation::kRandom, random)};
  }

  std::vector<Step> randaugment() const {
    std::vector<Step> steps;
    const Ranges ranges = usual_ranges(height, width);
    for (int64_t i = 0; i < options.num_ops; ++i) {
      steps.push_back(torchvision(drawn(kTorchvision, random), ranges,
                                  options.magnitude,
                                  options.num_magnitude_bins));
    }
    return steps;
  }

  std::vector<Step> trivial_wide() const {
    const auto operation = drawn(kTorchvision, random);
    const int64_t bins = options.num_magnitude_bins;
    const int64_t bin = random.below(bins);
    return {torchvision(operation, wide_ranges(), bin, bins)};
  }

  std::vector<Step> learnt() const {
    std::vector<Step> steps;
    const Ranges ranges = usual_ranges(height, width);
    for (const auto& half :
         drawn(learnt_policy(options.auto_augment), random)) {
      if (random.uniform() >= half.p) continue;
      steps.push_back(
          torchvision(half.operation, ranges, half.magnitude, /*bins=*/10));
    }
    return steps;
  }

  std::vector<Step> rand_increasing() const {
    std::vector<Step> steps;
    for (int64_t i = 0; i < options.num_ops; ++i) {
      const auto operation = drawn(kIncreasing, random);
      if (random.coin()) continue;
      const double level = static_cast<double>(options.magnitude) +
                           options.magnitude_std * draw_normal(random);
      steps.push_back(timm(operation, std::clamp(level, 0.0, 10.0)));
    }
    return steps;
  }

  std::vector<Step> chain() const {
    const int64_t depth =
        options.chain_depth > 0 ? options.chain_depth : 1 + random.below(3);
    std::vector<Step> steps;
    for (int64_t i = 0; i < depth; ++i) {
      const auto operation = drawn(kAugMix, random);
      const auto severity = static_cast<double>(options.severity);
      steps.push_back(timm(operation, random.uniform(0, severity)));
    }
    return steps;
  }
};

Fill fill_of_timm(const std::vector<double>& mean) {
  Fill fill = {128, 128, 128};
  for (size_t i = 0; i < fill.size() && !mean.empty(); ++i) {
    const double value = mean[std::min(i, mean.size() - 1)];
    fill[i] = static_cast<uint8_t>(
        std::clamp(std::nearbyint(255 * value), 0.0, 255.0));
  }
  return fill;
}

}  // namespace

Resampling drawn_resampling(AugmentInterpolation chosen,
                            AugmentInterpolation original, Random& random) {
  switch (chosen == AugmentInterpolation::kDefault ? original : chosen) {
    case AugmentInterpolation::kBilinear:
      return Resampling::kBilinear;
    case AugmentInterpolation::kBicubic:
      return Resampling::kBicubic;
    case AugmentInterpolation::kRandom:
      return random.coin() ? Resampling::kBilinear : Resampling::kBicubic;
    default:
      return Resampling::kNearest;
  }
}

std::span<const Operation> torchvision_operations() { return kTorchvision; }
std::span<const Operation> rand_increasing_operations() { return kIncreasing; }
std::span<const Operation> augmix_operations() { return kAugMix; }

std::vector<Step> draw_steps(const AugmentOptions& options, int64_t height,
                             int64_t width, Random& random) {
  const Drawing drawing = {options, height, width, random};
  switch (options.auto_augment) {
    case AutoAugment::kRandAugment:
      return drawing.randaugment();
    case AutoAugment::kTrivialWide:
      return drawing.trivial_wide();
    case AutoAugment::kRandIncreasing:
      return drawing.rand_increasing();
    case AutoAugment::kImageNet:
    case AutoAugment::kCifar10:
    case AutoAugment::kSvhn:
      return drawing.learnt();
    default:
      return {};
  }
}

Mixture draw_mixture(const AugmentOptions& options, int64_t height,
                     int64_t width, Random& random) {
  const Drawing drawing = {options, height, width, random};
  Mixture out;
  double sum = 0;
  std::vector<double> weights;
  for (int64_t i = 0; i < options.mixture_width; ++i) {
    // Not all can be zero, though a small alpha's numbers round to it.
    weights.push_back(draw_gamma(random, options.alpha) + 1e-300);
    sum += weights.back();
  }
  for (const double w : weights) {
    out.weights.push_back(static_cast<float>(w / sum));
  }
  const double mixed = draw_gamma(random, options.alpha) + 1e-300;
  const double own = draw_gamma(random, options.alpha) + 1e-300;
  out.share = static_cast<float>(mixed / (mixed + own));
  for (int64_t i = 0; i < options.mixture_width; ++i) {
    out.chains.push_back(drawing.chain());
  }
  return out;
}

Image apply(const Mixture& mixture, const Image& image, const Fill& fill) {
  std::vector<float> sums(image.pixels.size());
  for (size_t k = 0; k < mixture.chains.size(); ++k) {
    const Image changed = apply(mixture.chains[k], image, fill);
    const float weight = mixture.weights[k];
    for (size_t i = 0; i < sums.size(); ++i) {
      sums[i] += weight * static_cast<float>(changed.pixels[i]);
    }
  }
  Image out(image.channels, image.height, image.width);
  for (size_t i = 0; i < sums.size(); ++i) {
    out.pixels[i] = static_cast<uint8_t>(std::min(sums[i], 255.0F));
  }
  blend(image.pixels.data(), out.pixels.data(), std::ssize(image.pixels),
        mixture.share);
  return out;
}

Image auto_augment(const AugmentOptions& options,
                   const std::vector<double>& mean, Image image,
                   Random& random) {
  const int64_t height = image.height, width = image.width;
  if (options.auto_augment == AutoAugment::kAugMix) {
    return apply(draw_mixture(options, height, width, random), image,
                 fill_of_timm(mean));
  }
  const bool is_timm = options.auto_augment == AutoAugment::kRandIncreasing;
  return apply(draw_steps(options, height, width, random), std::move(image),
               is_timm ? fill_of_timm(mean) : Fill{});
}

}  // namespace skipzoo
