#pragma once

#include <vector>

#include "tools/data/batch_transforms.h"
#include "tools/data/training_transforms.h"

namespace skipzoo {

/// What a config asks for beside crops and mirroring, in the order in which it
/// applies: vflip, rotation, auto_augment, color_jitter, grayscale,
/// gaussian_blur. Each draws from a stream of its key's name.
std::vector<TrainingTransform> augmentations(const DataOptions& options);

/// torchvision's RandomErasing, of each picture of a batch by itself; the
/// config's random_erasing.p is above 0.
BatchTransform random_erasing(const RandomErasingOptions& options);

/// What it does where images are not the CPU's: the same, bit for bit, in a few
/// operators of the whole batch, as each costs the launch of a kernel.
void erase_at_once(const RandomErasingOptions& options,
                   const torch::Tensor& images, Random& random);

}  // namespace skipzoo
