#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "tools/cli/differences.h"
#include "tools/train/collective.h"

namespace skipzoo {

struct Classifier;

/// What train or evaluate do with one batch of synthetic pictures.
struct BenchmarkStep {
  std::function<void()> run;     ///< Returns when the device has done it.
  std::function<void()> launch;  ///< Returns when it has been asked for.
  /// Of the last one, where several processes train.
  std::function<std::optional<ReductionTimes>()> reduction;
  std::shared_ptr<Classifier> model;  ///< Whose step it is.
};
BenchmarkStep make_step(
    const RunConfig& config, const ComparedStep& measured, torch::Device device,
    std::shared_ptr<Collective> collective = single_process());

}  // namespace skipzoo
