#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
  std::vector<double> seconds;  ///< Of each step, sorted.
  double setup = 0;             ///< The first step and what came before it.
  std::vector<std::pair<std::string, double>> kinds;
  int64_t peak_rss_mb = 0;
  std::optional<LayerProfile> layers;
  Differences differences;
  /// Of several processes that train: medians, and what their network does.
  std::optional<ReductionTimes> reduction;
  std::optional<Link> link;

  double median() const { return seconds[seconds.size() / 2]; }
};

/// Three steps to warm up, then at least five, for at least so long; as many in
/// each process.
Measured measure(const BenchmarkRequest& request, const RunConfig& config,
                 torch::Device device,
                 const std::shared_ptr<Collective>& collective);

}  // namespace skipzoo
