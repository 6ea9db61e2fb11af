#pragma once

#include <torch/types.h>

#include <memory>
#include <string>

#include "models/classifier.h"
#include "tools/config/run_config.h"
#include "tools/data/dataset.h"
#include "tools/train/checkpoint.h"
#include "tools/train/evaluate.h"

namespace skipzoo {

// What the subcommands share: from a config to the parts of a run.

/// The network of a config, tried on one image of the config's size. Throws
/// ConfigError where the image is too small for it.
std::shared_ptr<Classifier> build_model(const RunConfig& config,
                                        const Dataset& dataset);

/// How the pictures of a config are put to its network.
Inputs make_inputs(const RunConfig& config, torch::Device device);

/// What travels with the weights of a run.
Identity make_identity(const RunConfig& config, const Dataset& dataset);

}  // namespace skipzoo
