#pragma once

#include <cstdint>

#include "tools/train/options.h"

namespace skipzoo {

/// The learning rate of the step that begins at `progress` epochs of `epochs`
/// (2.5: in the middle of the third) and is `step` epochs long, where the
/// optimizer's is `lr`. A pure function: a resumed run takes the same rates.
/// Step i of a warm-up of n has warmup_lr + (lr - warmup_lr) * (i + 1) / n: the
/// first one moves, the last one has the whole rate. Milestones count from the
/// start, warm-up included; cosine and poly run over what the warm-up leaves,
/// and so does the decay of wsd where it is longer. Of plateau `lr` is what a
/// Plateau says.
double learning_rate(const ScheduleOptions& options, double lr, double progress,
                     double step, double epochs);

}  // namespace skipzoo
