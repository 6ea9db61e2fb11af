#include "models/densenet_options.h"
#include "models/weight_shapes.h"

namespace skipzoo {

std::vector<DenseNetOptions> DenseNetOptions::networks_in(
    const NamedShapes& file) const {
  const WeightShapes shapes(file, "features.conv0.weight", name_rules());
  if (shapes.empty()) return {};
  DenseNetOptions network = *this;
  network.block_config.clear();
  for (int64_t block = 1;; ++block) {
    const int64_t layers = shapes.count(
        "features.denseblock" + std::to_string(block) + ".denselayer",
        ".conv1.weight", 1);
    if (layers == 0) break;
    network.block_config.push_back(layers);
  }
  const std::string layer = "features.denseblock1.denselayer1.";
  const int64_t first = shapes.size(layer + "conv1.weight", 0);
  const int64_t second = shapes.size(layer + "conv2.weight", 0);
  network.growth_rate = second > 0 ? second : first;
  network.bn_size = second > 0 ? first / second : 0;
  network.num_init_features =
      shapes.size(shapes.has("features.conv2.weight") ? "features.conv2.weight"
                                                      : "features.conv0.weight",
                  0);
  network.deep_stem = shapes.has("features.conv2.weight");
  network.stem = network.deep_stem ? Stem::kImageNet
                                   : shapes.stem("features.conv0.weight");
  network.num_classes = shapes.classes(num_classes);
  const auto in = shapes.size("features.transition1.conv.weight", 1);
  const auto out = shapes.size("features.transition1.conv.weight", 0);
  const auto kept = static_cast<double>(in) * compression;
  if (in > 0 && static_cast<int64_t>(kept) != out) {
    network.compression = static_cast<double>(out) / static_cast<double>(in);
  }
  return {network};
}

}  // namespace skipzoo
