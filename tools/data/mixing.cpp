#include "tools/data/mixing.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace skipzoo {

namespace {

double normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

/// Of scale 1 (Marsaglia & Tsang 2000, "A simple method for generating gamma
/// variables"), the logarithm: of a small shape, most are less than any number.
double log_gamma_variate(double shape, Random& random) {
  if (shape < 1) {
    const double more = log_gamma_variate(shape + 1, random);
    return more + std::log(1 - random.uniform()) / shape;
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal(random), v = std::pow(1 + c * x, 3);
    const double u = 1 - random.uniform();
    if (v > 0 && std::log(u) < x * x / 2 + d - d * v + d * std::log(v)) {
      return std::log(d * v);
    }
  }
}

/// Beta(alpha, alpha).
double beta_variate(double alpha, Random& random) {
  const double a = log_gamma_variate(alpha, random);
  const double b = log_gamma_variate(alpha, random);
  return 1 / (1 + std::exp(b - a));
}

}  // namespace

Mix draw_mix(const AugmentOptions& options, int64_t height, int64_t width,
             Random& random) {
  Mix how;
  if (random.uniform() >= options.mix_prob) return how;
  const bool both = options.mixup > 0 && options.cutmix > 0;
  how.cuts =
      both ? random.uniform() < options.mix_switch_prob : options.cutmix > 0;
  how.own = beta_variate(how.cuts ? options.cutmix : options.mixup, random);
  if (!how.cuts) return how;
  const double side = std::sqrt(1 - how.own);
  const auto span = [&](int64_t size) {
    const auto half =
        static_cast<int64_t>(static_cast<double>(size) * side) / 2;
    const int64_t middle = random.below(size);
    return std::pair{std::max<int64_t>(middle - half, 0),
                     std::min(middle + half, size)};
  };
  std::tie(how.top, how.bottom) = span(height);
  std::tie(how.left, how.right) = span(width);
  const int64_t cut = (how.bottom - how.top) * (how.right - how.left);
  how.own = 1 - static_cast<double>(cut) / static_cast<double>(height * width);
  return how;
}

void mix(const Mix& how, int64_t num_classes, torch::Tensor& images,
         Targets& targets) {
  if (how.own == 1) return;
  if (how.cuts) {
    const auto cut = [&](const torch::Tensor& from) {
      return from.slice(2, how.top, how.bottom).slice(3, how.left, how.right);
    };
    const auto other = cut(images).flip(0);
    cut(images).copy_(other);
  } else {
    const auto other = images.flip(0);
    images.mul_(how.own).add_(other, 1 - how.own);
  }
  const auto own = targets.soft(num_classes);
  targets.values = own.mul(how.own).add_(own.flip(0), 1 - how.own);
}

BatchTransform mixing(const AugmentOptions& options, int64_t num_classes) {
  const auto apply = [options, num_classes](torch::Tensor& images,
                                            Targets& targets, Random& random) {
    mix(draw_mix(options, images.size(2), images.size(3), random), num_classes,
        images, targets);
  };
  BatchTransform transform{"mix", apply};
  if (options.mix_off_epoch > 0) transform.epochs = options.mix_off_epoch;
  return transform;
}

}  // namespace skipzoo
