#pragma once

#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "tools/data/batch.h"
#include "tools/data/options.h"
#include "tools/data/random.h"

namespace skipzoo {

/// What is done to a batch as a whole in training: mixup and its like. After
/// normalisation, on the device.
struct BatchTransform {
  /// Keys its random numbers, as a TrainingTransform's.
  std::string_view stream;
  /// images: float (N, C, H, W). May make soft targets of labels. Reads no
  /// value back from the device.
  std::function<void(torch::Tensor& images, Targets& targets, Random& random)>
      apply;
  /// In the first epochs of a run alone.
  int64_t epochs = std::numeric_limits<int64_t>::max();
};

/// Those of a config, in the order in which they apply.
std::vector<BatchTransform> batch_transforms(const DataOptions& options,
                                             int64_t num_classes);

/// A batch through all of them. seed, epoch, batch: what their random numbers
/// depend on alone.
void transform_batch(std::span<const BatchTransform> transforms,
                     torch::Tensor& images, Targets& targets, int64_t seed,
                     int64_t epoch, int64_t batch);

}  // namespace skipzoo
