#pragma once

#include <memory>

#include "tools/config/run_config.h"
#include "tools/data/dataset.h"
#include "tools/train/checkpoint.h"
#include "tools/train/distill.h"
#include "tools/weights/published_files.h"

namespace skipzoo {

struct Classifier;

/// What a config trains, on the device it is trained on: the network as it
/// begins, and its data.
struct TrainingSetup {
  torch::Device device = torch::kCPU;
  TrainingData data;
  Teacher teacher;  ///< Of train.distill, or none.
  std::shared_ptr<Classifier> model;
  ModelMetadata metadata;
};

/// Also sets the threads and the random numbers of a run. goes_on: its weights
/// are another's to load; else they are those of fine_tune.weights where there
/// are some. fetch: of published weights that the config names. Throws
/// ConfigError where the network cannot be trained here.
TrainingSetup set_up_training(const RunConfig& config,
                              const FetchOptions& fetch,
                              const HeldOut& held_out = {},
                              bool goes_on = false);
/// The same on data that are open already, as open_data() gives them.
TrainingSetup set_up_training(const RunConfig& config,
                              const FetchOptions& fetch, TrainingData data,
                              bool goes_on = false);
TrainingData open_data(const RunConfig& config, const HeldOut& held_out = {});

}  // namespace skipzoo
