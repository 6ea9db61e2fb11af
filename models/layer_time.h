#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace skipzoo {

/// What a step of an engine does and takes: a layer with what is fused into it,
/// or an operator of LibTorch.
struct LayerTime {
  /// As its parameters' names begin: "layer1.0.conv1"; else the operator:
  /// "mean".
  std::string name;
  double flops = 0;  ///< A multiplication and an addition are two.
  /// Read and written at least, each once: images, result and weights.
  double bytes = 0;
  double weight_bytes = 0;           ///< Of these, for any number of images.
  std::vector<double> seconds = {};  ///< Of each run.

  double median() const {
    auto sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? 0 : sorted[sorted.size() / 2];
  }
};

}  // namespace skipzoo
