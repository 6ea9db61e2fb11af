#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/layer_time.h"
#include "models/tensor.h"

namespace skipzoo {

class Engine;

/// Where the time of a network in evaluation goes, beside what the machine can
/// do: medians, in seconds.
struct LayerProfile {
  std::vector<LayerTime> layers;
  double run = 0;      ///< A whole run, with nothing measured inside.
  double kernels = 0;  ///< What operators took in one, without what is around.
  double machine_flops = 0;  ///< A second, of a product of large matrices.
  double machine_bytes = 0;  ///< A second, read and written by a large copy.
};

/// Runs it for about so long, three times. No layers where the engine has no
/// steps of its own.
LayerProfile profile_layers(Engine& engine, const torch::Tensor& images,
                            double seconds);

/// Its part of a report, as JSON.
std::string layers_json(const LayerProfile& profile);

/// As a table on standard output.
void print_layers(const LayerProfile& profile);

}  // namespace skipzoo
