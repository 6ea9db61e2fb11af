#include "models/conv_net_options.h"
#include "models/weight_shapes.h"

namespace skipzoo {

namespace {

/// A shortcut that the tensors may be of, and what they do not tell apart.
std::vector<ConvShortcut> shortcuts_in(const WeightShapes& shapes,
                                       const ConvNetOptions& network) {
  const auto size = [&](size_t block, const char* name, size_t dimension) {
    return shapes.size("blocks." + std::to_string(block) + name, dimension);
  };
  const int64_t filters = network.filters.front();
  if (shapes.has("blocks.0.transform.weight")) return {ConvShortcut::kHighway};
  const bool is_fixup = shapes.has("blocks.0.bias1a");
  if (const int64_t factors = size(0, ".scale", 0); factors > 0 && !is_fixup) {
    if (factors > 1) return {ConvShortcut::kLayerScale};
    std::vector<ConvShortcut> all = {ConvShortcut::kReZero,
                                     ConvShortcut::kSkipInit};
    if (filters == 1) all.push_back(ConvShortcut::kLayerScale);
    return all;
  }
  if (shapes.has("blocks.0.skip.0.weight")) return {ConvShortcut::kProjection};
  if (is_fixup) return {ConvShortcut::kIdentity};
  const int64_t read = network.filters.size() > 1 ? size(1, ".conv1.weight", 1)
                                                  : shapes.size("fc.weight", 1);
  if (read == size(0, ".conv1.weight", 1) + filters) {
    return {ConvShortcut::kDense};
  }
  return {ConvShortcut::kNone, ConvShortcut::kIdentity};
}

/// Of shortcuts that project where shapes differ: a block with as many channels
/// in as out has a stride where it projects.
std::vector<int64_t> strides_in(const WeightShapes& shapes,
                                const ConvNetOptions& network) {
  auto strides = network.strides;
  for (size_t i = 0; i < strides.size(); ++i) {
    const auto block = "blocks." + std::to_string(i);
    const bool projects = shapes.has(block + ".skip.0.weight");
    const bool same = shapes.size(block + ".conv1.weight", 0) ==
                      shapes.size(block + ".conv1.weight", 1);
    if (!projects) strides[i] = 1;
    if (projects && same && strides[i] == 1) strides[i] = 2;
  }
  return strides;
}

}  // namespace

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
  network.norm =
      shapes.has("blocks.0.bn1.weight") ? ConvNorm::kBatch : ConvNorm::kNone;
  network.init =
      shapes.has("blocks.0.bias1a") ? ConvInit::kFixup : ConvInit::kGlorot;
  network.num_classes = shapes.classes(num_classes);
  std::vector<ConvNetOptions> networks;
  for (const auto kind : shortcuts_in(shapes, network)) {
    network.shortcut = kind;
    if (network.has_scale() || kind == ConvShortcut::kHighway) {
      network.strides = strides_in(shapes, network);
    }
    // What this one has is what the file most likely is of.
    networks.insert(kind == shortcut ? networks.begin() : networks.end(),
                    network);
  }
  return networks;
}

}  // namespace skipzoo
