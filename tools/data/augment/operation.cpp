#include "tools/data/augment/operation.h"

#include <utility>

#include "tools/data/augment/pixel_operations.h"

namespace skipzoo {

namespace {

/// Those that change values where they stand.
void change(Image& image, Operation operation, double argument) {
  switch (operation) {
    case Operation::kBrightness:
      return adjust_brightness(image, argument);
    case Operation::kColor:
      return adjust_color(image, argument);
    case Operation::kContrast:
      return adjust_contrast(image, argument);
    case Operation::kSharpness:
      return adjust_sharpness(image, argument);
    case Operation::kPosterize:
      return posterize(image, static_cast<int64_t>(argument));
    case Operation::kSolarize:
      return solarize(image, argument);
    case Operation::kSolarizeAdd:
      return solarize_add(image, static_cast<int64_t>(argument));
    case Operation::kAutoContrast:
      return autocontrast(image);
    case Operation::kEqualize:
      return equalize(image);
    case Operation::kInvert:
      return invert(image);
    default:
      return;
  }
}

}  // namespace

Image apply(const Step& step, Image image, const Fill& fill) {
  const auto moved = [&](const AffineMatrix& matrix) {
    return transform(std::move(image), matrix, step.resampling, fill);
  };
  switch (step.operation) {
    case Operation::kShearX:
      return moved({1, step.argument, 0, 0, 1, 0});
    case Operation::kShearY:
      return moved({1, 0, 0, step.argument, 1, 0});
    case Operation::kTranslateX:
      return moved({1, 0, step.argument, 0, 1, 0});
    case Operation::kTranslateY:
      return moved({1, 0, 0, 0, 1, step.argument});
    case Operation::kRotate:
      return rotate(std::move(image), step.argument, step.resampling, fill);
    default:
      change(image, step.operation, step.argument);
      return image;
  }
}

Image apply(const std::vector<Step>& steps, Image image, const Fill& fill) {
  for (const Step& step : steps) image = apply(step, std::move(image), fill);
  return image;
}

}  // namespace skipzoo
