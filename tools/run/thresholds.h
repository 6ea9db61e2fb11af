#pragma once

#include <vector>

#include "tools/run/network.h"

namespace skipzoo {

/// LoadedNetwork::thresholds: those asked for, else those that the file has,
/// else 0.5 each where the config, or its table, says that pictures have
/// several labels. Throws ConfigError where one is asked for of a network that
/// finds one label.
std::vector<double> thresholds_for(const NetworkSource& source,
                                   const LoadedNetwork& network);

}  // namespace skipzoo
