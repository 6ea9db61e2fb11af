#include "models/residual_shapes.h"

namespace skipzoo {

ResidualShapes::ResidualShapes(const WeightShapes& shapes,
                               const std::string& last) {
  for (int64_t stage = 1;; ++stage) {
    const auto layer = "layer" + std::to_string(stage) + ".";
    const int64_t depth = shapes.count(layer, ".conv1.weight", 0);
    if (depth == 0) return;
    depths.push_back(depth);
    channels.push_back(shapes.size(layer + "0." + last + ".weight", 0));
    blocks += depth;
    for (int64_t i = 0; i < depth; ++i) {
      const auto block = layer + std::to_string(i);
      // A pooling stands in the convolution's place there.
      const bool pools = shapes.size(block + ".downsample.1.weight", 2) > 0;
      pooled_projections += pools ? 1 : 0;
      projections +=
          pools || shapes.has(block + ".downsample.0.weight") ? 1 : 0;
    }
  }
}

std::vector<Shortcut> ResidualShapes::shortcuts(Shortcut like) const {
  const bool projects = like == Shortcut::kB || like == Shortcut::kC;
  if (projections == 0) return {projects ? Shortcut::kA : like};
  if (projections < blocks) return {Shortcut::kB};
  return {Shortcut::kB, Shortcut::kC};
}

}  // namespace skipzoo
