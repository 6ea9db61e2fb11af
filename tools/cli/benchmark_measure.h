#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/cli/benchmark_gpu.h"
#include "tools/cli/differences.h"
#include "tools/cli/layer_profile.h"
#include "tools/distribute/scaling.h"
#include "tools/train/collective.h"

namespace skipzoo {

struct BenchmarkRequest {
  ComparedStep step;
  double seconds = 5;  ///< To measure for, at least.
  bool profile = false;
};

struct Measured {
  /// Of each step, sorted; on a GPU of a step in each window of ten.
  std::vector<double> seconds;
  /// The first step and what came before it; on a GPU the first two.
  double setup = 0;
  std::vector<std::pair<std::string, double>> kinds;
  int64_t peak_rss_mb = 0;
  std::optional<LayerProfile> layers;
  std::optional<GpuReport> gpu;  ///< Where it was measured on one.
  Differences differences;
  /// Of several processes that train: medians, and what their network does.
  std::optional<ReductionTimes> reduction;
  std::optional<Link> link;

  double median() const { return seconds[seconds.size() / 2]; }
};

/// Up to three steps to warm up, for no more than so long; then at least three,
/// for at least so long; as many in each process. On a GPU seven, then at least
/// five windows of ten steps each, with a wait for the GPU at their ends alone.
Measured measure(const BenchmarkRequest& request, const RunConfig& config,
                 torch::Device device,
                 const std::shared_ptr<Collective>& collective);

}  // namespace skipzoo
