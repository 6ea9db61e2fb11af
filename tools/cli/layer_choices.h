#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/kernels/choice.h"
#include "tools/cli/benchmark_step.h"

namespace skipzoo {

/// How a layer of a network is computed: a convolution, or a linear layer.
struct LayerChoice {
  std::string layer;  ///< As its parameters' names begin: "layer1.0.conv1".
  Choice choice;
  /// None: a gradient that is not computed.
  std::optional<Algorithm> input_gradient = {}, weight_gradient = {};
  Verdict why_gradients = {};  ///< Where they do not go by what runs forward.
};

/// Runs a step, which is on the CPU, and listens: its layers in the order in
/// which they ran first. What is left to LibTorch is oneDNN's where that is
/// what ran. trains: whether it is a step of training.
std::vector<LayerChoice> layer_choices(const BenchmarkStep& step, bool trains);

/// As a JSON array.
std::string choices_json(const std::vector<LayerChoice>& layers);

/// As a table on standard output. with_gradients: of training.
void print_choices(const std::vector<LayerChoice>& layers, bool with_gradients);

}  // namespace skipzoo
