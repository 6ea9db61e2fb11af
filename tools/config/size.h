#pragma once

#include <string>
#include <vector>

#include "tools/config/run_config.h"

namespace skipzoo {

/// Adds a line for a network, or for pictures, that alone are larger than the
/// memory of this machine. Nothing is built for it but names and shapes.
void check_size(const RunConfig& config, const std::string& name,
                std::vector<std::string>& problems);

}  // namespace skipzoo
