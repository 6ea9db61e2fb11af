#include <algorithm>
#include <string>

#include "models/residual_shapes.h"
#include "models/resnet_options.h"
#include "models/weight_shapes.h"

namespace skipzoo {

namespace {

/// Whether this squeeze is that of the first block of each stage.
bool squeezes(const WeightShapes& shapes, const ResidualShapes& stages,
              const ResNetOptions& network) {
  for (size_t i = 0; i < stages.channels.size(); ++i) {
    const auto block = "layer" + std::to_string(i + 1) + ".0.";
    if (shapes.size(block + "se.fc1.weight", 0) !=
        squeezed_channels(stages.channels[i], network.se_reduction,
                          network.se_divisor)) {
      return false;
    }
  }
  return true;
}

void set_attention(const WeightShapes& shapes, const ResidualShapes& stages,
                   ResNetOptions& network) {
  network.attention = shapes.has("layer1.0.se.conv.weight") ? Attention::kEca
                                                            : Attention::kNone;
  network.se_reduction = ResNetOptions().se_reduction;
  network.se_divisor = ResNetOptions().se_divisor;
  const int64_t squeezed = shapes.size("layer1.0.se.fc1.weight", 0);
  if (squeezed < 1) return;
  network.attention = Attention::kSe;
  const int64_t by_shape =
      std::max<int64_t>(stages.channels.front() / squeezed, 1);
  for (const int64_t divisor : {network.se_divisor, int64_t{1}}) {
    for (const int64_t reduction : {network.se_reduction, by_shape}) {
      auto one = network;
      one.se_reduction = reduction;
      one.se_divisor = divisor;
      if (!squeezes(shapes, stages, one)) continue;
      network = one;
      return;
    }
  }
}

}  // namespace

std::vector<ResNetOptions> ResNetOptions::networks_in(
    const NamedShapes& file) const {
  const WeightShapes shapes(file, "layer1.0.conv1.weight", name_rules());
  ResNetOptions network = *this;
  network.bottleneck = shapes.has("layer1.0.conv3.weight");
  const ResidualShapes stages(shapes, network.bottleneck ? "conv3" : "conv2");
  if (stages.depths.empty()) return {};
  network.depths = stages.depths;
  network.widths = stages.channels;
  network.deep_stem = shapes.has("conv1.6.weight");
  network.stem =
      network.deep_stem ? Stem::kImageNet : shapes.stem("conv1.weight");
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
  network.avg_down = stages.pooled_projections > 0;
  set_attention(shapes, stages, network);
  std::vector<ResNetOptions> networks;
  for (const auto kind : stages.shortcuts(shortcut)) {
    network.shortcut = kind;
    networks.push_back(network);
  }
  return networks;
}

}  // namespace skipzoo
