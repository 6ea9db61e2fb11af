#pragma once

#include <functional>

#include "tools/data/batch.h"
#include "tools/data/dataset.h"
#include "tools/train/options.h"

namespace skipzoo {

/// The loss that a step of training minimises: logits, float32 (N, classes),
/// and targets -> a scalar, the mean over the batch.
using Objective = std::function<torch::Tensor(const torch::Tensor& logits,
                                              const Targets& targets)>;

/// That of a config: cross entropy or, of each class by itself, binary cross
/// entropy as timm's BinaryCrossEntropy has it. Both of smoothed targets.
/// Class weights, of cross entropy: of a mean by them, as torch::nn's; of
/// targets of several labels a picture, they are its pos_weight. Where the
/// pictures have weights, the mean is by those too.
Objective make_objective(const TrainOptions& options);

/// What the mean of that objective is by, a scalar: how many pictures or, where
/// they or their classes have weights, their sum. Of several processes, the
/// mean of all is the sum of their means, each by this.
using MeanBy = std::function<torch::Tensor(const Targets& targets)>;
MeanBy make_mean_by(const TrainOptions& options);

/// The options with class weights for these data where they are to be balanced:
/// images / (classes * images of it), 0 for a class without images. With
/// several labels a picture: images without it / images of it, 1 where either
/// is none.
TrainOptions with_class_weights(TrainOptions options, const Dataset& dataset);

}  // namespace skipzoo
