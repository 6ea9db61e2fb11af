#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tools/data/batch_transforms.h"
#include "tools/data/loader.h"
#include "tools/train/distill.h"
#include "tools/train/fine_tune_options.h"
#include "tools/train/lr_sweep.h"
#include "tools/train/options.h"
#include "tools/train/preprocessing.h"

namespace skipzoo {

struct Classifier;

/// What a sweep trains: as a run of these would begin.
struct LrFinderParts {
  Classifier& model;  ///< On the device.
  TrainOptions options;
  FineTuneOptions fine_tune = {};
  Loader train;
  Preprocessing preprocess;
  std::vector<BatchTransform> batch_transforms = {};
  Teacher teacher = {};  ///< Of train.distill, or none.
  /// Called after each step, with the steps so far.
  std::function<void(int64_t)> on_step = {};
};

/// Trains a network at the rates of a sweep, train.grad_accum_steps batches a
/// step, from as many epochs as it takes, each of which is as a run's first is
/// but for its pictures' order and augmentation. Afterwards the network's
/// weights, buffers and the random numbers are what they were, an error or not;
/// its mode is that of training. Throws TrainingError where there is no
/// picture, or the first loss is not finite.
LrSweep find_lr(LrFinderParts& parts, const LrSweepOptions& options);

}  // namespace skipzoo
