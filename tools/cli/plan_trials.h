#pragma once

#include <optional>

#include "tools/cli/init.h"
#include "tools/data/dataset.h"
#include "tools/plan/plan.h"

namespace skipzoo {

// What of a plan is found by trying, on this machine and these pictures.

/// The best network that can learn enough in the time there is, else the
/// fastest: a few steps of each are timed, from the fastest on. One that would
/// take far too long is not even tried.
Plan plan_by_time(const PicturesAtHand& pictures,
                  const std::optional<Pretrained>& pretrained,
                  const InitRequest& request, const TrainingData& data);

/// By a sweep that takes at most a tenth of the time of the run.
void choose_lr_by_sweep(Plan& plan, const InitRequest& request,
                        const TrainingData& data);

}  // namespace skipzoo
