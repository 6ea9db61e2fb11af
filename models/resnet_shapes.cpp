#include "models/residual_shapes.h"
#include "models/resnet_options.h"
#include "models/weight_shapes.h"

namespace skipzoo {

std::vector<ResNetOptions> ResNetOptions::networks_in(
    const NamedShapes& file) const {
  const WeightShapes shapes(file, "layer1.0.conv1.weight", name_rules());
  ResNetOptions network = *this;
  network.bottleneck = shapes.has("layer1.0.conv3.weight");
  const ResidualShapes stages(shapes, network.bottleneck ? "conv3" : "conv2");
  if (stages.depths.empty()) return {};
  network.depths = stages.depths;
  network.widths = stages.channels;
  network.stem = shapes.stem("conv1.weight");
  network.num_classes = shapes.classes(num_classes);
  network.groups = ResNetOptions().groups;
  network.width_per_group = ResNetOptions().width_per_group;
  if (network.bottleneck) {
    for (auto& width : network.widths) width /= 4;  // Its expansion.
    const int64_t inner = shapes.size("layer1.0.conv2.weight", 0);
    const int64_t of_group = shapes.size("layer1.0.conv2.weight", 1);
    const int64_t width = network.widths.front();
    if (of_group > 0 && width > 0) {
      network.groups = inner / of_group;
      network.width_per_group = 64 * of_group / width;
    }
  }
  std::vector<ResNetOptions> networks;
  for (const auto kind : stages.shortcuts(shortcut)) {
    network.shortcut = kind;
    networks.push_back(network);
  }
  return networks;
}

}  // namespace skipzoo
