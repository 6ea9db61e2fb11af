#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "models/classifier.h"
#include "models/conv_net.h"
#include "models/densenet.h"
#include "models/named_tensors.h"
#include "models/resnet.h"

namespace skipzoo {

/// The zoo. A new family is one more name here.
using ModelOptions =
    std::variant<ConvNetOptions, ResNetOptions, DenseNetOptions>;

/// One default-constructed entry per family, in the order above.
std::vector<ModelOptions> families();
/// The family's name in a config, e.g. "resnet".
std::string family_name(const ModelOptions& options);
/// Channels of the images the network takes.
int64_t in_channels(const ModelOptions& options);
/// Outputs of the network.
int64_t num_classes(const ModelOptions& options);
/// Which code computes the network of these options.
Kernels kernels_of(const ModelOptions& options);
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
