#pragma once

#include <cstdint>

#include "tools/train/options.h"

namespace skipzoo {

/// The learning rate at `progress` epochs of `epochs` (2.5: in the middle of
/// the third), where the optimizer's is `lr`. A pure function: a resumed run
/// takes the same rates. Milestones count from the start, warm-up included; the
/// cosine runs over what the warm-up leaves.
double learning_rate(const ScheduleOptions& options, double lr, double progress,
                     int64_t epochs);

}  // namespace skipzoo
