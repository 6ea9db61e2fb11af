#include "models/conv_net_options.h"
#include "models/weight_shapes.h"

namespace skipzoo {

std::vector<ConvNetOptions> ConvNetOptions::networks_in(
    const NamedShapes& file) const {
  const WeightShapes shapes(file, "blocks.0.conv1.weight", {});
  if (shapes.empty()) return {};
  ConvNetOptions network = *this;
  network.filters.clear();
  const int64_t blocks = shapes.count("blocks.", ".conv1.weight", 0);
  for (int64_t i = 0; i < blocks; ++i) {
    network.filters.push_back(
        shapes.size("blocks." + std::to_string(i) + ".conv1.weight", 0));
  }
  if (strides.size() != network.filters.size()) {
    network.strides.assign(network.filters.size(), 2);
  }
  network.shortcut = shapes.has("blocks.0.skip.0.weight")
                         ? ConvShortcut::kProjection
                         : ConvShortcut::kNone;
  network.num_classes = shapes.classes(num_classes);
  return {network};
}

}  // namespace skipzoo
