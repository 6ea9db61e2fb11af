#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/config/run_config.h"
#include "tools/data/dataset.h"
#include "tools/run/network.h"

namespace skipzoo {

// What the subcommands share: from a config or a file to the parts of a run.

/// (C, H, W) of what the network of a config gets from these data.
std::vector<int64_t> picture_shape(const RunConfig& config,
                                   const Dataset& dataset);

/// Tries a network on one picture of that shape, which a key asks for. Throws
/// ConfigError where it is too small for it.
void check_passes(Classifier& model, const std::vector<int64_t>& shape,
                  const std::string& key = "data.image_size");

/// What travels with the weights of a run.
ModelMetadata make_metadata(const RunConfig& config, const Dataset& dataset);

/// Where the held-out pictures of the run that a checkpoint or export is of are
/// known from: the list in its folder, else they are drawn as they were then.
HeldOut held_out_of(const std::filesystem::path& file,
                    const ModelMetadata& run);

}  // namespace skipzoo
