#include "models/preact_resnet_options.h"
#include "models/residual_shapes.h"
#include "models/weight_shapes.h"

namespace skipzoo {

std::vector<PreActResNetOptions> PreActResNetOptions::networks_in(
    const NamedShapes& file) const {
  const WeightShapes shapes(file, "layer1.0.conv1.weight", name_rules());
  PreActResNetOptions network = *this;
  network.bottleneck = shapes.has("layer1.0.conv3.weight");
  const ResidualShapes stages(shapes, network.bottleneck ? "conv3" : "conv2");
  // Only with pre-activation do a block's norms begin with its input.
  if (stages.depths.empty() || shapes.has("bn1.weight")) return {};
  network.depths = stages.depths;
  network.widths = stages.channels;
  if (network.bottleneck) {
    for (auto& width : network.widths) width /= 4;  // Its expansion.
    network.drop_rate = 0;
  } else {
    network.stride_in_1x1 = false;
  }
  network.stem = shapes.stem("conv1.weight");
  const int64_t of_stem = shapes.size("conv1.weight", 0);
  const bool is_first_width =
      !network.widths.empty() && of_stem == network.widths.front();
  network.stem_width = is_first_width ? 0 : of_stem;
  network.final_norm = shapes.has("norm.weight");
  network.num_classes = shapes.classes(num_classes);
  std::vector<PreActResNetOptions> networks;
  for (const auto kind : stages.shortcuts(shortcut)) {
    network.shortcut = kind;
    networks.push_back(network);
  }
  return networks;
}

}  // namespace skipzoo
