#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "models/conv_net_options.h"
#include "models/densenet_options.h"
#include "models/dpn_options.h"
#include "models/kernels/kernels.h"
#include "models/preact_resnet_options.h"
#include "models/resnet_options.h"

namespace skipzoo {

/// The zoo. A new family is one more name here.
using ModelOptions =
    std::variant<ConvNetOptions, ResNetOptions, DenseNetOptions,
                 PreActResNetOptions, DPNOptions>;

/// One default-constructed entry per family, in the order above.
std::vector<ModelOptions> families();
/// The family's name in a config, e.g. "resnet".
std::string family_name(const ModelOptions& options);
/// Channels of the images the network takes.
int64_t in_channels(const ModelOptions& options);
/// Outputs of the network.
int64_t num_classes(const ModelOptions& options);
/// Why the network has no branches that stochastic depth could drop, in words;
/// empty: it has (set_drop_path()).
std::string why_no_drop_path(const ModelOptions& options);
/// Which code computes the network of these options.
Kernels kernels_of(const ModelOptions& options);

}  // namespace skipzoo
