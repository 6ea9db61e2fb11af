#pragma once

#include <cstdint>
#include <functional>

#include "tools/cli/set_up.h"
#include "tools/config/run_config.h"
#include "tools/train/lr_sweep.h"

namespace skipzoo {

/// find_lr() of what a config trains, which is moved to its device. on_step:
/// called with the steps so far.
LrSweep sweep_rates(const RunConfig& config, const TrainingSetup& setup,
                    const LrSweepOptions& options,
                    const std::function<void(int64_t)>& on_step);

}  // namespace skipzoo
