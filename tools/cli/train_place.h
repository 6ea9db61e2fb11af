#pragma once

#include <string>

#include "tools/cli/init.h"
#include "tools/cli/resume.h"

namespace CLI {
class App;
}

namespace skipzoo {

// `train PLACE`: training without a config of one's own.

/// What it goes by: the config of that name here, or a new one, chosen as
/// request says. Throws ConfigError where the arguments contradict each other,
/// and FileError where a run to resume has none.
std::string config_for_place(const CLI::App& command, InitRequest& request,
                             const TrainArguments& args);

/// --minutes and --weights choose a config, and are of no use beside one:
/// throws ConfigError where they are given without a place.
void check_place(const CLI::App& command, const InitRequest& request);

}  // namespace skipzoo
