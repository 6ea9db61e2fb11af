#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skipzoo {

struct Classifier;

/// One layer that holds parameters.
struct LayerSummary {
  std::string name;  ///< Registered name, e.g. "layer1.0.conv1".
  std::vector<int64_t> output_shape;  ///< Without the batch.
  int64_t parameters = 0;
  /// Multiply-accumulates for one image; convolutions and linear layers only.
  int64_t macs = 0;
};

struct NetworkSummary {
  std::vector<LayerSummary> layers;  ///< In the order they run.
  int64_t parameters = 0;
  int64_t macs = 0;
};

/// Runs `model` once on one zero image and lists what ran.
///
/// Works for any module: convolutions, linear layers and BatchNorms are
/// recognised by the weight they were called with, not by their type.
/// image_shape: (C, H, W). The model's mode is left as it was.
NetworkSummary summarise(Classifier& model,
                         const std::vector<int64_t>& image_shape);

}  // namespace skipzoo
