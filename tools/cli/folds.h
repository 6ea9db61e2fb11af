#pragma once

#include <cstdint>
#include <functional>

#include "tools/cli/resume.h"

namespace skipzoo {

/// Trains on all but one of `folds` parts of the training pictures, and
/// validates on that one, for each in turn (k-fold cross-validation): runs in
/// fold-1, fold-2 … of the run folder. Writes folds.csv there and prints it,
/// with mean, deviation and a 95 % confidence interval of the mean. With
/// --resume it goes on, or begins anew what is not there. train: one run.
/// Returns the exit code of the first that does not end with 0.
int train_folds(const TrainArguments& args, int64_t folds,
                const std::function<int(const TrainArguments&)>& train);

}  // namespace skipzoo
