#pragma once

#include <optional>

#include "models/tensor.h"
#include "tools/config/run_config.h"

namespace skipzoo {

/// Largest norm(a - b) / max(norm(b), 1) between logits and, in training,
/// gradients of the first step.
struct Differences {
  double from_reference = 0;  ///< Of a config's kernels, in one precision.
  /// In bf16: of the reference from itself in fp32. Gradients of a deep network
  /// that was never trained differ much by that alone.
  std::optional<double> of_rounding;
};

/// What is compared: at most four synthetic images of a batch.
struct ComparedStep {
  bool train = false;
  Amp amp = Amp::kOff;
  int64_t batch = 1;
};

Differences differences(const RunConfig& config, const ComparedStep& step,
                        torch::Device device);

}  // namespace skipzoo
