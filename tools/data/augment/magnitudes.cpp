#include <algorithm>
#include <cmath>

#include "tools/data/augment/policies.h"

namespace skipzoo {

Ranges usual_ranges(int64_t height, int64_t width) {
  return {.shear = 0.3,
          .translate_x = 150.0 / 331.0 * static_cast<double>(width),
          .translate_y = 150.0 / 331.0 * static_cast<double>(height),
          .rotate = 30,
          .enhance = 0.9,
          .posterize = 4};
}

Ranges wide_ranges() {
  return {.shear = 0.99,
          .translate_x = 32,
          .translate_y = 32,
          .rotate = 135,
          .enhance = 0.99,
          .posterize = 6};
}

double linspace(double first, double last, int64_t bin, int64_t bins) {
  const auto start = static_cast<float>(first);
  const auto end = static_cast<float>(last);
  const float step = (end - start) / static_cast<float>(bins - 1);
  // From the nearer end. A product of two floats is exact in double.
  const double value =
      bin < bins / 2
          ? double{start} + double{step} * static_cast<double>(bin)
          : double{end} - double{step} * static_cast<double>(bins - 1 - bin);
  return static_cast<float>(value);
}

double torchvision_argument(Operation operation, const Ranges& ranges,
                            int64_t bin, int64_t bins, int sign) {
  const auto up_to = [&](double most) {
    return sign * linspace(0, most, bin, bins);
  };
  switch (operation) {
    case Operation::kShearX:
    case Operation::kShearY:
      return up_to(ranges.shear);
    // The picture moves; where it is read moves the other way.
    case Operation::kTranslateX:
      return -std::trunc(up_to(ranges.translate_x));
    case Operation::kTranslateY:
      return -std::trunc(up_to(ranges.translate_y));
    case Operation::kRotate:
      return up_to(ranges.rotate);
    case Operation::kBrightness:
    case Operation::kColor:
    case Operation::kContrast:
    case Operation::kSharpness:
      return 1 + up_to(ranges.enhance);
    case Operation::kPosterize: {
      const double bins_a_bit =
          static_cast<double>(bins - 1) / static_cast<double>(ranges.posterize);
      return std::nearbyint(8 - static_cast<double>(bin) / bins_a_bit);
    }
    case Operation::kSolarize:
      return 255 * linspace(1, 0, bin, bins);
    default:
      return 0;
  }
}

double timm_argument(Operation operation, double level, int sign,
                     int64_t height, int64_t width) {
  const double share = level / 10;
  const double with_sign = sign * share;
  switch (operation) {
    case Operation::kShearX:
    case Operation::kShearY:
      return with_sign * 0.3;
    case Operation::kTranslateX:
      return with_sign * 0.45 * static_cast<double>(width);
    case Operation::kTranslateY:
      return with_sign * 0.45 * static_cast<double>(height);
    case Operation::kRotate:
      return with_sign * 30;
    case Operation::kBrightness:
    case Operation::kColor:
    case Operation::kContrast:
    case Operation::kSharpness:
      return std::max(0.1, 1 + with_sign * 0.9);
    case Operation::kPosterize:
      return 4 - std::trunc(share * 4);
    case Operation::kSolarize:
      return 256 - std::min(256.0, std::trunc(share * 256));
    case Operation::kSolarizeAdd:
      return std::min(128.0, std::trunc(share * 110));
    default:
      return 0;
  }
}

}  // namespace skipzoo
