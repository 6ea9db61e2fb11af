#include "tools/data/measured.h"

#include <filesystem>
#include <system_error>

#include "tools/data/layout.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

/// Whether the test split is the folder of pictures that the run trained on.
bool tests_what_was_trained_on(const DataOptions& data,
                               const DataOptions& run) {
  std::error_code unknown;
  return data.dataset == DatasetKind::kImageFolder &&
         run.dataset == DatasetKind::kImageFolder &&
         std::filesystem::equivalent(folder_of_split(data, Split::kTest),
                                     folder_of_split(run, Split::kTrain),
                                     unknown);
}

/// Whether a run dealt class folders into two parts, and these data have splits
/// of their own.
bool is_laid_out_otherwise(const DataOptions& data, const DataOptions& run) {
  return run.dataset == DatasetKind::kImageFolder && run.train_split == "." &&
         data.dataset == DatasetKind::kImageFolder && !is_flat(data) &&
         std::filesystem::exists(data.root);
}

}  // namespace

MeasuredPart part_to_measure(Measured asked, const DataOptions& data,
                             const DataOptions* run) {
  const bool has_holdout = run != nullptr && run->holdout > 0 &&
                           data.holdout > 0 &&
                           !is_laid_out_otherwise(data, *run);
  if (asked == Measured::kHoldout && !has_holdout) {
    throw ConfigError(
        "no pictures are held out: these weights are of no run with "
        "data.holdout, or the config here has none");
  }
  MeasuredPart found{.part = asked};
  if (asked == Measured::kVal) {
    found.part = has_holdout ? Measured::kHoldout : Measured::kTest;
  }
  found.by_holdout = has_holdout && found.part != Measured::kTest;
  found.trained_on =
      run != nullptr && (found.part == Measured::kTrain ||
                         (found.part == Measured::kTest &&
                          tests_what_was_trained_on(data, *run)));
  return found;
}

}  // namespace skipzoo
