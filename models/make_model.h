#pragma once

#include <cstdint>
#include <memory>

#include "models/model_options.h"
#include "models/named_tensors.h"

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace skipzoo {

struct Classifier;

/// Builds and initialises the network these options describe. Throws
/// c10::Error where they contradict each other (see validate()).
std::shared_ptr<Classifier> make_model(const ModelOptions& options);

/// The same network with weights of no value, made in a moment: for its names
/// and shapes.
std::shared_ptr<Classifier> make_uninitialised(const ModelOptions& options);

/// Number of trainable elements.
int64_t count_parameters(const torch::nn::Module& model);

/// Every parameter, then every buffer, by registered name: what a weight file
/// holds. The tensors are the module's own.
NamedTensors state_dict(const torch::nn::Module& model);

}  // namespace skipzoo
