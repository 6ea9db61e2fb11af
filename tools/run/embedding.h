#pragma once

#include "tools/run/network.h"

namespace skipzoo {

/// The network without its last layer: normalised images (N, C, H, W) -> what
/// that layer gets, (N, features); in the arithmetic of the config. It keeps
/// the weights of now. Throws ConfigError for an exported program.
Forward embedding_of(const LoadedNetwork& network);

}  // namespace skipzoo
