#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/fields.h"

namespace skipzoo {

/// Policies that draw operations and their magnitudes for each picture.
enum class AutoAugment {
  kNone,
  kImageNet,        ///< Learnt (Cubuk et al. 2018, arXiv:1805.09501).
  kCifar10,         ///< The same paper's for CIFAR-10.
  kSvhn,            ///< The same paper's for SVHN.
  kRandAugment,     ///< torchvision's RandAugment (arXiv:1909.13719).
  kRandIncreasing,  ///< timm's rand-m*-mstd*-inc1.
  kTrivialWide,     ///< torchvision's TrivialAugmentWide (arXiv:2103.10158).
  kAugMix,  ///< timm's AugMix (Hendrycks et al. 2020, arXiv:1912.02781).
};
template <>
struct EnumNames<AutoAugment> {
  static constexpr Named<AutoAugment> values[] = {
      {AutoAugment::kNone, "none"},
      {AutoAugment::kImageNet, "imagenet"},
      {AutoAugment::kCifar10, "cifar10"},
      {AutoAugment::kSvhn, "svhn"},
      {AutoAugment::kRandAugment, "randaugment"},
      {AutoAugment::kRandIncreasing, "rand_increasing"},
      {AutoAugment::kTrivialWide, "trivial_wide"},
      {AutoAugment::kAugMix, "augmix"}};
};

/// How pictures are turned, sheared and shifted.
enum class AugmentInterpolation {
  kDefault,  ///< torchvision's: nearest; timm's policies: random.
  kNearest,
  kBilinear,
  kBicubic,
  kRandom,  ///< Bilinear or bicubic, drawn for each operation.
};
template <>
struct EnumNames<AugmentInterpolation> {
  static constexpr Named<AugmentInterpolation> values[] = {
      {AugmentInterpolation::kDefault, "default"},
      {AugmentInterpolation::kNearest, "nearest"},
      {AugmentInterpolation::kBilinear, "bilinear"},
      {AugmentInterpolation::kBicubic, "bicubic"},
      {AugmentInterpolation::kRandom, "random"}};
};

/// What an erased part is filled with.
enum class EraseValue {
  kZero,    ///< After normalisation: the data's mean.
  kRandom,  ///< Normal noise, for each value of each pixel.
};
template <>
struct EnumNames<EraseValue> {
  static constexpr Named<EraseValue> values[] = {
      {EraseValue::kZero, "zero"}, {EraseValue::kRandom, "random"}};
};

/// Factors drawn from 1 - x … 1 + x, not below 0, in an order drawn too;
/// torchvision's ColorJitter. All 0: none.
struct ColorJitterOptions {
  double brightness = 0;
  double contrast = 0;
  double saturation = 0;
  /// Turns of the hue drawn from -hue … hue, as shares of the circle.
  double hue = 0;

  template <typename Fields>
  void describe(Fields& field) {
    field("brightness", brightness, "factor drawn from 1 - x to 1 + x",
          at_least(0));
    field("contrast", contrast, "factor drawn from 1 - x to 1 + x",
          at_least(0));
    field("saturation", saturation, "factor drawn from 1 - x to 1 + x",
          at_least(0));
    field("hue", hue, "turn drawn from -x to x of the circle", between(0, 0.5));
  }
  bool any() const {
    return brightness > 0 || contrast > 0 || saturation > 0 || hue > 0;
  }
};

/// torchvision's GaussianBlur of a share of the pictures.
struct GaussianBlurOptions {
  double p = 0;
  int64_t kernel_size = 5;
  /// Drawn for each picture from the first to the second.
  std::vector<double> sigma = {0.1, 2.0};

  template <typename Fields>
  void describe(Fields& field) {
    field("p", p, "share of the pictures that are blurred", between(0, 1));
    field("kernel_size", kernel_size, "pixels each way, odd", between(1, 1023));
    field("sigma", sigma, "standard deviation in pixels, from and to",
          each({.low = 0, .high = 1000, .excludes_low = true}));
  }
  bool uses(std::string_view key) const { return p > 0 || key == "p"; }
  void validate(Problems& problems) const;
};

/// A random part of a picture is erased after normalisation (Zhong et al. 2017,
/// arXiv:1708.04896; torchvision's RandomErasing).
struct RandomErasingOptions {
  double p = 0;
  /// Share of the picture's area that the part covers.
  std::vector<double> scale = {0.02, 0.33};
  /// Height to width of the part.
  std::vector<double> ratio = {0.3, 3.3};
  /// Or a number, or one a channel, of normalised pictures.
  WordOrNumbers<EraseValue> value;

  template <typename Fields>
  void describe(Fields& field) {
    field("p", p, "share of the pictures a part of which is erased",
          between(0, 1));
    field("scale", scale, "share of the area that part covers, from and to",
          each(between(0, 1)));
    field("ratio", ratio, "height to width of that part, from and to",
          each(above(0)));
    field("value", value,
          "what it is filled with, after normalisation: a word, a number or "
          "one a channel",
          between(-1000, 1000));
  }
  bool uses(std::string_view key) const { return p > 0 || key == "p"; }
  void validate(Problems& problems) const;
};

/// Random changes to training pictures, in the order they are applied.
struct AugmentOptions {
  /// A random part of the picture, of a random shape, resized to image_size
  /// (Szegedy et al. 2015; torchvision's RandomResizedCrop).
  bool random_resized_crop = false;
  /// Share of the picture's area that the part covers.
  std::vector<double> scale = {0.08, 1.0};
  /// Width to height of the part.
  std::vector<double> ratio = {3.0 / 4.0, 4.0 / 3.0};
  /// Zeros around the picture, then a random window of the old size, all
  /// positions equally likely (He et al. 2015, section 4.2: 4).
  int64_t pad_and_crop = 0;
  /// Mirrors every second picture. Not for digits: they have a side.
  bool hflip = false;
  /// Turns every second picture upside down.
  bool vflip = false;
  /// Turns by an angle drawn from -rotation … rotation degrees; what is outside
  /// is zero (torchvision's RandomRotation).
  double rotation = 0;
  AutoAugment auto_augment = AutoAugment::kNone;
  /// Operations a picture (randaugment and rand_increasing; the latter leaves
  /// each out with probability 0.5, as timm does).
  int64_t num_ops = 2;
  /// How strong: the bin of randaugment, 0 … 10 of rand_increasing.
  int64_t magnitude = 9;
  /// Magnitudes that there are (randaugment and trivial_wide).
  int64_t num_magnitude_bins = 31;
  /// Standard deviation of the magnitude (rand_increasing: timm's mstd).
  double magnitude_std = 0.5;
  /// Largest magnitude of augmix, of 10; each is drawn from 0 … severity.
  int64_t severity = 3;
  /// Chains of operations that augmix mixes.
  int64_t mixture_width = 3;
  /// Operations a chain; -1: 1 to 3, drawn.
  int64_t chain_depth = -1;
  /// Of the Dirichlet and Beta distributions of augmix's weights.
  double alpha = 1;
  /// For auto_augment and rotation.
  AugmentInterpolation interpolation = AugmentInterpolation::kDefault;
  ColorJitterOptions color_jitter;
  /// Share of the pictures that lose their colour (torchvision's
  /// RandomGrayscale).
  double grayscale = 0;
  GaussianBlurOptions gaussian_blur;
  RandomErasingOptions random_erasing;
  /// Alpha of mixup, and of CutMix, both of a batch as a whole; 0: without.
  double mixup = 0;
  double cutmix = 0;
  /// How likely a batch is to be mixed, and with both, by CutMix.
  double mix_prob = 1;
  double mix_switch_prob = 0.5;
  /// From this epoch on nothing is mixed; 0: to the end.
  int64_t mix_off_epoch = 0;

  template <typename Fields>
  void describe(Fields& field) {
    field("random_resized_crop", random_resized_crop,
          "a random part of the picture, resized");
    field("scale", scale, "share of the area that part covers, from and to",
          each(between(0, 1)));
    field("ratio", ratio, "width to height of that part, from and to",
          each(above(0)));
    field("pad_and_crop", pad_and_crop,
          "pixels of zeros around, then a random window", between(0, 1024));
    field("hflip", hflip, "mirror every second picture");
    field("vflip", vflip, "turn every second picture upside down");
    field("rotation", rotation, "turn by up to so many degrees each way",
          between(0, 180));
    field("auto_augment", auto_augment, "policy that draws operations");
    field("num_ops", num_ops, "operations a picture", between(0, 100));
    field("magnitude", magnitude, "how strong: a bin, or 0 to 10 of timm's",
          between(0, 1000));
    field("num_magnitude_bins", num_magnitude_bins, "magnitudes that there are",
          between(2, 1001));
    field("magnitude_std", magnitude_std, "standard deviation of the magnitude",
          between(0, 100));
    field("severity", severity, "largest magnitude of augmix", between(1, 10));
    field("mixture_width", mixture_width, "chains that augmix mixes",
          between(1, 100));
    field("chain_depth", chain_depth, "operations a chain; -1: 1 to 3",
          between(-1, 100));
    field("alpha", alpha, "of the distributions of augmix's weights",
          {.low = 0, .high = 1000, .excludes_low = true});
    field("interpolation", interpolation,
          "how auto_augment and rotation move pixels");
    field("color_jitter", color_jitter, "random changes of colour");
    field("grayscale", grayscale, "share of the pictures that lose colour",
          between(0, 1));
    field("gaussian_blur", gaussian_blur, "blur a share of the pictures");
    field("random_erasing", random_erasing,
          "erase a random part after normalisation");
    field("mixup", mixup, "alpha of mixup's share; 0: without",
          between(0, 100));
    field("cutmix", cutmix, "alpha of CutMix's share; 0: without",
          between(0, 100));
    field("mix_prob", mix_prob, "how likely a batch is mixed", between(0, 1));
    field("mix_switch_prob", mix_switch_prob,
          "with both, how likely it is mixed by CutMix", between(0, 1));
    field("mix_off_epoch", mix_off_epoch,
          "from this epoch on nothing is mixed; 0: to the end", at_least(0));
  }
  bool mixes() const { return mixup > 0 || cutmix > 0; }
  bool uses(std::string_view key) const;
  void validate(Problems& problems) const;
};

}  // namespace skipzoo
