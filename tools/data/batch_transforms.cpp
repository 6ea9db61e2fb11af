#include "tools/data/batch_transforms.h"

#include "tools/data/augment/transforms.h"
#include "tools/data/mixing.h"

namespace skipzoo {

std::vector<BatchTransform> batch_transforms(const DataOptions& options,
                                             int64_t num_classes) {
  std::vector<BatchTransform> all;
  const auto& erasing = options.augment.random_erasing;
  if (erasing.p > 0) all.push_back(random_erasing(erasing));
  if (options.augment.mixes()) {
    all.push_back(mixing(options.augment, num_classes));
  }
  return all;
}

void transform_batch(std::span<const BatchTransform> transforms,
                     torch::Tensor& images, Targets& targets, int64_t seed,
                     int64_t epoch, int64_t batch) {
  // A stream of its own: samples are keyed by such numbers too.
  const auto key =
      Random(static_cast<uint64_t>(seed), static_cast<uint64_t>(epoch) + 1,
             static_cast<uint64_t>(batch) + 1)
          .stream("batch");
  for (const auto& transform : transforms) {
    if (epoch >= transform.epochs) continue;
    Random random = key.stream(transform.stream);
    transform.apply(images, targets, random);
  }
}

}  // namespace skipzoo
