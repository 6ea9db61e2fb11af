#include <string>

#include "models/dpn_options.h"
#include "models/weight_shapes.h"

namespace skipzoo {

std::vector<DPNOptions> DPNOptions::networks_in(const NamedShapes& file) const {
  const WeightShapes shapes(file, "features.conv2_1.c1x1_a.conv.weight", {});
  if (shapes.empty()) return {};
  DPNOptions network = *this;
  const std::string first = "features.conv2_1.";
  network.split_output = shapes.has(first + "c1x1_c1.weight");
  network.depths.clear();
  network.widths.clear();
  network.growth_rates.clear();
  for (int64_t stage = 2;; ++stage) {
    const auto name = "features.conv" + std::to_string(stage) + "_";
    const int64_t depth = shapes.count(name, ".c1x1_a.conv.weight", 1);
    if (depth == 0) break;
    network.depths.push_back(depth);
    const auto projection =
        name + (stage == 2 ? "1.c1x1_w_s1" : "1.c1x1_w_s2") + ".conv.weight";
    // Twice the growth is in the one, once in the other.
    const int64_t begun = shapes.size(projection, 0);
    const int64_t width =
        network.split_output
            ? shapes.size(name + "1.c1x1_c1.weight", 0)
            : 2 * shapes.size(name + "1.c1x1_c.conv.weight", 0) - begun;
    network.widths.push_back(width);
    network.growth_rates.push_back((begun - width) / 2);
  }
  network.bottleneck_width = shapes.size(first + "c1x1_a.conv.weight", 0);
  const int64_t of_group = shapes.size(first + "c3x3_b.conv.weight", 1);
  if (of_group > 0) network.groups = network.bottleneck_width / of_group;
  const std::string stem_weight = "features.conv1_1.conv.weight";
  network.num_init_features = shapes.size(stem_weight, 0);
  const int64_t side = shapes.size(stem_weight, 2);
  network.num_classes = shapes.classes(num_classes);
  if (side != 3) {
    network.stem = Stem::kImageNet;
    network.stem_kernel = side;
    return {network};
  }
  // 3x3 are at stride 1 or 2: this one says which first.
  auto other = network;
  other.stem = stem == Stem::kImageNet ? Stem::kCifar : Stem::kImageNet;
  network.stem_kernel = other.stem_kernel = side;
  return {network, other};
}

}  // namespace skipzoo
