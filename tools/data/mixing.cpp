#include "tools/data/mixing.h"

#include <algorithm>
#include <cmath>

#include "tools/data/distributions.h"

namespace skipzoo {

Mix draw_mix(const AugmentOptions& options, int64_t height, int64_t width,
             Random& random) {
  Mix how;
  if (random.uniform() >= options.mix_prob) return how;
  const bool both = options.mixup > 0 && options.cutmix > 0;
  how.cuts =
      both ? random.uniform() < options.mix_switch_prob : options.cutmix > 0;
  how.own = draw_beta(random, how.cuts ? options.cutmix : options.mixup);
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
  const auto with_reverse = [&](const torch::Tensor& own) {
    return own.mul(how.own).add_(own.flip(0), 1 - how.own);
  };
  targets.values = with_reverse(targets.soft(num_classes));
  if (targets.weights.defined()) {
    targets.weights = with_reverse(targets.weights);
  }
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
