#include "tools/data/augment_options.h"

#include <string>

namespace skipzoo {

namespace {

void check_range(const char* key, const std::vector<double>& range,
                 Problems& problems) {
  if (range.size() != 2 || range[0] > range[1]) {
    problems.push_back(std::string(key) +
                       " needs two numbers, the smaller one first");
  }
}

}  // namespace

void GaussianBlurOptions::validate(Problems& problems) const {
  check_range("sigma", sigma, problems);
  if (kernel_size % 2 == 0) {
    problems.push_back("kernel_size must be odd, got " +
                       std::to_string(kernel_size));
  }
}

void RandomErasingOptions::validate(Problems& problems) const {
  check_range("scale", scale, problems);
  check_range("ratio", ratio, problems);
}

bool AugmentOptions::uses(std::string_view key) const {
  const bool rand = auto_augment == AutoAugment::kRandAugment;
  const bool increasing = auto_augment == AutoAugment::kRandIncreasing;
  if (key == "scale" || key == "ratio") return random_resized_crop;
  if (key == "num_ops" || key == "magnitude") return rand || increasing;
  if (key == "magnitude_std") return increasing;
  if (key == "num_magnitude_bins") {
    return rand || auto_augment == AutoAugment::kTrivialWide;
  }
  if (key == "severity" || key == "mixture_width" || key == "chain_depth" ||
      key == "alpha") {
    return auto_augment == AutoAugment::kAugMix;
  }
  if (key == "mix_prob" || key == "mix_off_epoch") return mixes();
  if (key == "mix_switch_prob") return mixup > 0 && cutmix > 0;
  if (key == "interpolation") {
    return rotation > 0 || auto_augment != AutoAugment::kNone;
  }
  return true;
}

void AugmentOptions::validate(Problems& problems) const {
  check_range("scale", scale, problems);
  check_range("ratio", ratio, problems);
  if (auto_augment == AutoAugment::kRandAugment &&
      magnitude >= num_magnitude_bins) {
    problems.push_back("magnitude is " + std::to_string(magnitude) +
                       " but num_magnitude_bins is " +
                       std::to_string(num_magnitude_bins) +
                       "; the largest magnitude is one less");
  }
  if (auto_augment == AutoAugment::kRandIncreasing && magnitude > 10) {
    problems.push_back(
        "magnitude must be at most 10 with auto_augment: rand_increasing, "
        "got " +
        std::to_string(magnitude));
  }
  if (chain_depth == 0) {
    problems.push_back(
        "chain_depth must be at least 1, or -1 for 1 to 3, got 0");
  }
}

}  // namespace skipzoo
