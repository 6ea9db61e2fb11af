#pragma once

#include <cstdint>
#include <vector>

#include "models/fields.h"
#include "tools/data/augment/affine.h"
#include "tools/data/image.h"

namespace skipzoo {

/// What policies are made of.
enum class Operation {
  kIdentity,
  kShearX,
  kShearY,
  kTranslateX,
  kTranslateY,
  kRotate,
  kBrightness,
  kColor,
  kContrast,
  kSharpness,
  kPosterize,
  kSolarize,
  kSolarizeAdd,
  kAutoContrast,
  kEqualize,
  kInvert,
};
/// torchvision's words, which the papers' tables use.
template <>
struct EnumNames<Operation> {
  static constexpr Named<Operation> values[] = {
      {Operation::kIdentity, "Identity"},
      {Operation::kShearX, "ShearX"},
      {Operation::kShearY, "ShearY"},
      {Operation::kTranslateX, "TranslateX"},
      {Operation::kTranslateY, "TranslateY"},
      {Operation::kRotate, "Rotate"},
      {Operation::kBrightness, "Brightness"},
      {Operation::kColor, "Color"},
      {Operation::kContrast, "Contrast"},
      {Operation::kSharpness, "Sharpness"},
      {Operation::kPosterize, "Posterize"},
      {Operation::kSolarize, "Solarize"},
      {Operation::kSolarizeAdd, "SolarizeAdd"},
      {Operation::kAutoContrast, "AutoContrast"},
      {Operation::kEqualize, "Equalize"},
      {Operation::kInvert, "Invert"}};
};

/// An operation with what it is given.
struct Step {
  Operation operation = Operation::kIdentity;
  /// The shear, the pixels by which the result is read further right or down,
  /// degrees, the factor, bits to keep, the threshold, what is added; nothing
  /// of the others.
  double argument = 0;
  Resampling resampling = Resampling::kNearest;
};

/// A picture through one step. fill: what moves in from outside.
Image apply(const Step& step, Image image, const Fill& fill);
/// Through all of them.
Image apply(const std::vector<Step>& steps, Image image, const Fill& fill);

}  // namespace skipzoo
