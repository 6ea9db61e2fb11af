#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tools/data/augment/operation.h"
#include "tools/data/augment_options.h"
#include "tools/data/random.h"

namespace skipzoo {

/// How far each operation goes at its most, with torchvision's scale of bins.
struct Ranges {
  double shear;
  double translate_x, translate_y;  ///< Pixels.
  double rotate;                    ///< Degrees.
  double enhance;                   ///< The factor's distance from 1.
  int64_t posterize;                ///< Bits that are taken away.
};
/// RandAugment's and the learnt policies', of a picture of that size.
Ranges usual_ranges(int64_t height, int64_t width);
/// TrivialAugmentWide's.
Ranges wide_ranges();

/// Value number `bin` of torch.linspace(first, last, bins), in float32, rounded
/// as a processor with fused multiplication does it: torchvision cuts some to
/// whole numbers.
double linspace(double first, double last, int64_t bin, int64_t bins);
/// What torchvision's policies give an operation. sign: 1 or -1, which those
/// without a direction leave out.
double torchvision_argument(Operation operation, const Ranges& ranges,
                            int64_t bin, int64_t bins, int sign);
/// What timm's increasing operations are given at a level, 0 … 10.
double timm_argument(Operation operation, double level, int sign,
                     int64_t height, int64_t width);

/// The operations each policy draws from, in their original order.
std::span<const Operation> torchvision_operations();
std::span<const Operation> rand_increasing_operations();
std::span<const Operation> augmix_operations();

/// Half of a learnt sub-policy: applied with probability p, its magnitude one
/// of 10 bins.
struct LearntStep {
  Operation operation;
  double p;
  int64_t magnitude;
};
using LearntPolicy = std::array<std::array<LearntStep, 2>, 25>;
/// kImageNet, kCifar10 or kSvhn.
const LearntPolicy& learnt_policy(AutoAugment policy);

/// original: the policy's own, for kDefault.
Resampling drawn_resampling(AugmentInterpolation chosen,
                            AugmentInterpolation original, Random& random);

/// What a policy other than augmix draws for a picture of that size.
std::vector<Step> draw_steps(const AugmentOptions& options, int64_t height,
                             int64_t width, Random& random);

/// AugMix: chains of operations, mixed with each other and with the picture.
struct Mixture {
  std::vector<std::vector<Step>> chains;
  std::vector<float> weights;  ///< Of the chains; their sum is 1.
  float share = 0;             ///< Of the chains in the result.
};
Mixture draw_mixture(const AugmentOptions& options, int64_t height,
                     int64_t width, Random& random);
Image apply(const Mixture& mixture, const Image& image, const Fill& fill);

/// A picture through options.auto_augment. mean: the data's, which timm's
/// policies fill with; torchvision's fill with zeros.
Image auto_augment(const AugmentOptions& options,
                   const std::vector<double>& mean, Image image,
                   Random& random);

}  // namespace skipzoo
