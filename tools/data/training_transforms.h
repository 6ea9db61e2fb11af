#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "tools/data/image.h"
#include "tools/data/options.h"
#include "tools/data/random.h"

namespace skipzoo {

/// Where the pixels of a picture come from that were moved and not changed:
/// pixel (y, x) is pixel (top + y, left + x) of the picture before, or zero
/// where that lies outside; y counts from below in one that is upside down, and
/// x from the right in a mirrored one.
struct Placement {
  int64_t top = 0;
  int64_t left = 0;
  bool is_upside_down = false;
  bool is_mirrored = false;
};

/// One step from a picture to what a network sees of it in training.
///
/// A new augmentation is a file with a function that returns one, a line in
/// training_transforms() and its options in AugmentOptions.
struct TrainingTransform {
  /// Keys the random numbers that it draws, which are its own: one that is
  /// added or left out shifts no other's. Those of an equal stream share it and
  /// draw in turn, as crops and flips do, in the stream without a name.
  std::string_view stream;
  std::function<Image(Image image, Random& random)> apply;
  /// Where it looks at a part alone: which, of a picture of that size. Then
  /// `apply` is given that part.
  std::function<Window(int64_t height, int64_t width, Random& random)> window =
      {};
  /// Where it moves pixels and does no more: does to `where` what `apply` does
  /// to a picture, by the same numbers.
  std::function<void(Placement& where, Random& random)> place = {};
};

/// Those of a config in an epoch, which counts from 0, in the order in which
/// they apply.
std::vector<TrainingTransform> training_transforms(const DataOptions& options,
                                                   int64_t epoch = 0);

/// Reads a picture, or the part of it that is asked for.
using ReadPart = std::function<Image(const ChooseWindow& choose)>;

/// A picture through all of them. sample: keyed by (seed, epoch, picture), so
/// that the result does not depend on what was read before.
Image training_view(Image image, std::span<const TrainingTransform> transforms,
                    const Random& sample);
/// The same of a picture that is yet to be read, of which no more is asked for
/// than the first of them looks at.
Image training_view(const ReadPart& read,
                    std::span<const TrainingTransform> transforms,
                    const Random& sample);

/// What transforms that can all place() do to a picture of that sample.
Placement placement_of(std::span<const TrainingTransform> transforms,
                       const Random& sample);

}  // namespace skipzoo
