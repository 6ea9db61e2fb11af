#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "tools/data/dataset.h"
#include "tools/data/options.h"
#include "tools/data/picture_cache.h"
#include "tools/data/random.h"
#include "tools/data/training_transforms.h"

namespace skipzoo {

/// What a network sees of the pictures of a data set, in evaluation and in
/// training, with a cache or without: the same. Any thread may ask at any time.
class PictureViews {
 public:
  enum class Mode { kTrain, kEvaluate };
  PictureViews(DatasetPtr data, const DataOptions& options, Mode mode);

  /// Throws FileError where it cannot be read or brought to its size.
  Image evaluation_view(int64_t index) const;
  /// transforms: those of an epoch. random: keyed by (seed, epoch, picture).
  Image training_view(int64_t index,
                      std::span<const TrainingTransform> transforms,
                      const Random& random) const;

  /// How many of an epoch's transforms, its first, leave the same of a picture
  /// in every epoch.
  size_t unchanging() const { return keeps_resized_ ? 1 : 0; }
  /// What is the same in every epoch, read anew: a training picture behind
  /// those, or evaluation_view(). Throws as that does.
  Image unchanging_view(int64_t index,
                        std::span<const TrainingTransform> transforms) const;

 private:
  /// Of a file, without a cache.
  Image read(int64_t index, const ChooseWindow& choose = {}) const;
  /// Of a cache, if there is one.
  Image kept(int64_t index, const std::function<Image()>& make) const;
  template <typename View>
  Image named(int64_t index, const View& view) const;

  DatasetPtr data_;
  DataOptions options_;
  Mode mode_;
  /// Whether the first transform of a training picture is the same in every
  /// epoch: then what is kept is the picture behind it, else the whole one.
  bool keeps_resized_ = false;
  std::shared_ptr<PictureCache> cache_;  ///< Null: none.
};

}  // namespace skipzoo
