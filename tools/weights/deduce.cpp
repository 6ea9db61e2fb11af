#include "tools/weights/deduce.h"

#include <string>
#include <unordered_map>

#include "tools/weights/names.h"

namespace skipzoo {

namespace {

/// The shapes of what is in a file, by the network's names.
class Shapes {
 public:
  /// `anchor` is a name that every network of a family has; what stands before
  /// it in the file stands before all names. `rules` are the family's.
  Shapes(const NamedTensors& file, const std::string& anchor, NameRules rules) {
    std::string prefix;
    bool found = false;
    for (const auto& [name, tensor] : file) {
      auto now = renamed(name, rules);
      if (!found && (now == anchor || now.ends_with("." + anchor))) {
        prefix = now.substr(0, now.size() - anchor.size());
        found = true;
      }
      shapes_.emplace(std::move(now), tensor.sizes().vec());
    }
    if (!found) shapes_.clear();
    prefix_ = prefix;
  }

  bool empty() const { return shapes_.empty(); }
  bool has(const std::string& name) const { return size(name, 0) > 0; }
  /// A dimension; 0 where there is no such tensor, or it is absurd.
  int64_t size(const std::string& name, size_t dimension) const {
    constexpr int64_t kMost = 100'000;
    const auto found = shapes_.find(prefix_ + name);
    if (found == shapes_.end() || dimension >= found->second.size()) return 0;
    const int64_t size = found->second[dimension];
    return size > kMost ? 0 : size;
  }
  /// How many of PREFIX1SUFFIX, PREFIX2SUFFIX … there are, counted from
  /// `first`.
  int64_t count(const std::string& before, const std::string& behind,
                int64_t first) const {
    int64_t number = 0;
    while (has(before + std::to_string(first + number) + behind)) ++number;
    return number;
  }
  /// Outputs of the last layer, under any of its names.
  int64_t classes(int64_t otherwise) const {
    for (const char* head :
         {"fc", "classifier", "linear", "last_linear", "head", "head.fc"}) {
      for (const char* layer : {"", ".0", ".1"}) {
        const auto found =
            size(std::string(head).append(layer).append(".weight"), 0);
        if (found > 1) return found;
      }
    }
    return otherwise;
  }

 private:
  std::unordered_map<std::string, std::vector<int64_t>> shapes_;
  std::string prefix_;
};

constexpr int64_t kLargeStem = 7;

void add_networks(const NamedTensors& file, ResNetOptions like,
                  std::vector<ModelOptions>& networks) {
  const Shapes shapes(file, "layer1.0.conv1.weight",
                      ResNetOptions::name_rules());
  if (shapes.empty()) return;
  like.depths.clear();
  like.widths.clear();
  like.bottleneck = shapes.has("layer1.0.conv3.weight");
  int64_t blocks = 0, projections = 0;
  for (int64_t stage = 1;; ++stage) {
    const auto layer = "layer" + std::to_string(stage) + ".";
    const int64_t depth = shapes.count(layer, ".conv1.weight", 0);
    if (depth == 0) break;
    like.depths.push_back(depth);
    like.widths.push_back(like.bottleneck
                              ? shapes.size(layer + "0.conv3.weight", 0) / 4
                              : shapes.size(layer + "0.conv2.weight", 0));
    blocks += depth;
    for (int64_t i = 0; i < depth; ++i) {
      const auto block = layer + std::to_string(i);
      projections += shapes.has(block + ".downsample.0.weight") ? 1 : 0;
    }
  }
  like.stem = shapes.size("conv1.weight", 2) == kLargeStem ? Stem::kImageNet
                                                           : Stem::kCifar;
  like.num_classes = shapes.classes(like.num_classes);
  const int64_t inner = shapes.size("layer1.0.conv2.weight", 0);
  const int64_t of_group = shapes.size("layer1.0.conv2.weight", 1);
  if (like.bottleneck && of_group > 0 && like.widths.front() > 0) {
    like.groups = inner / of_group;
    like.width_per_group = 64 * of_group / like.widths.front();
  }
  if (projections == 0) {
    if (like.shortcut == Shortcut::kB || like.shortcut == Shortcut::kC) {
      like.shortcut = Shortcut::kA;
    }
    networks.emplace_back(like);
    return;
  }
  for (const auto shortcut : {Shortcut::kB, Shortcut::kC}) {
    if (shortcut == Shortcut::kC && projections < blocks) continue;
    like.shortcut = shortcut;
    networks.emplace_back(like);
  }
}

void add_networks(const NamedTensors& file, DenseNetOptions like,
                  std::vector<ModelOptions>& networks) {
  const Shapes shapes(file, "features.conv0.weight",
                      DenseNetOptions::name_rules());
  if (shapes.empty()) return;
  like.block_config.clear();
  for (int64_t block = 1;; ++block) {
    const int64_t layers = shapes.count(
        "features.denseblock" + std::to_string(block) + ".denselayer",
        ".conv1.weight", 1);
    if (layers == 0) break;
    like.block_config.push_back(layers);
  }
  const std::string layer = "features.denseblock1.denselayer1.";
  const int64_t first = shapes.size(layer + "conv1.weight", 0);
  const int64_t second = shapes.size(layer + "conv2.weight", 0);
  like.growth_rate = second > 0 ? second : first;
  like.bn_size = second > 0 ? first / second : 0;
  like.num_init_features = shapes.size("features.conv0.weight", 0);
  like.stem = shapes.size("features.conv0.weight", 2) == kLargeStem
                  ? Stem::kImageNet
                  : Stem::kCifar;
  like.num_classes = shapes.classes(like.num_classes);
  const auto in = shapes.size("features.transition1.conv.weight", 1);
  const auto out = shapes.size("features.transition1.conv.weight", 0);
  const auto kept = static_cast<double>(in) * like.compression;
  if (in > 0 && static_cast<int64_t>(kept) != out) {
    like.compression = static_cast<double>(out) / static_cast<double>(in);
  }
  networks.emplace_back(like);
}

void add_networks(const NamedTensors& file, ConvNetOptions like,
                  std::vector<ModelOptions>& networks) {
  const Shapes shapes(file, "blocks.0.conv1.weight", {});
  if (shapes.empty()) return;
  const int64_t blocks = shapes.count("blocks.", ".conv1.weight", 0);
  like.filters.clear();
  for (int64_t i = 0; i < blocks; ++i) {
    like.filters.push_back(
        shapes.size("blocks." + std::to_string(i) + ".conv1.weight", 0));
  }
  if (like.strides.size() != like.filters.size()) {
    like.strides.assign(like.filters.size(), 2);
  }
  like.shortcut = shapes.has("blocks.0.skip.0.weight")
                      ? ConvShortcut::kProjection
                      : ConvShortcut::kNone;
  like.num_classes = shapes.classes(like.num_classes);
  networks.emplace_back(like);
}

}  // namespace

std::vector<ModelOptions> networks_of(const NamedTensors& file,
                                      const ModelOptions& like) {
  std::vector<ModelOptions> networks;
  const auto add = [&](const ModelOptions& one) {
    std::visit([&](const auto& own) { add_networks(file, own, networks); },
               one);
  };
  add(like);
  for (const auto& family : families()) {
    if (networks.empty() && family.index() != like.index()) add(family);
  }
  return networks;
}

}  // namespace skipzoo
