#include "tools/weights/deduce.h"

#include "models/named_shapes.h"

namespace skipzoo {

std::vector<ModelOptions> networks_of(const NamedTensors& file,
                                      const ModelOptions& like) {
  NamedShapes shapes;
  for (const auto& [name, tensor] : file) {
    shapes.emplace_back(name, tensor.sizes().vec());
  }
  std::vector<ModelOptions> networks;
  const auto add = [&](const ModelOptions& one) {
    std::visit(
        [&](const auto& own) {
          const auto found = own.networks_in(shapes);
          networks.insert(networks.end(), found.begin(), found.end());
        },
        one);
  };
  add(like);
  for (const auto& family : families()) {
    if (family.index() != like.index()) add(family);
  }
  return networks;
}

}  // namespace skipzoo
