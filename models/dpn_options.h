#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/fields.h"
#include "models/kernels/kernels.h"
#include "models/named_shapes.h"
#include "models/stem.h"
#include "models/weight_names.h"

namespace skipzoo {

struct DPNImpl;

/// Shape of a Dual Path Network, in which each block adds to some channels, as
/// in a ResNet, and joins others, as in a DenseNet (Chen et al. 2017,
/// arXiv:1707.01629). The defaults are a small one for 32x32 images; names of
/// the tensors as timm's.
struct DPNOptions {
  static constexpr const char* kFamily = "dpn";
  using Model = DPNImpl;

  /// Blocks per stage. Every stage but the first halves height and width.
  std::vector<int64_t> depths = {3, 3, 3};
  /// Channels of the residual path, per stage.
  std::vector<int64_t> widths = {32, 64, 128};
  /// Channels that each block joins to the dense path, per stage; the first
  /// block of a stage begins it with twice as many (section 4, table 1).
  std::vector<int64_t> growth_rates = {8, 8, 8};
  /// Channels of a block's 3x3 in the first stage; as many times more in the
  /// others as their residual paths are wider.
  int64_t bottleneck_width = 32;
  /// Groups of a block's 3x3.
  int64_t groups = 8;
  /// Channels of the stem.
  int64_t num_init_features = 16;
  Stem stem = Stem::kCifar;
  /// Side of the imagenet stem's convolution: 3 in DPN-68, 7 in the others.
  int64_t stem_kernel = 7;
  /// Whether a block's last 1x1 is one for each path, which read one norm:
  /// timm's dpn68b.
  bool split_output = false;
  int64_t in_channels = 3;
  int64_t num_classes = 10;
  /// The code that computes it: see models/kernels/.
  Kernels kernels = Kernels::kFused;

  template <typename Fields>
  void describe(Fields& field) {
    field("depths", depths, "blocks per stage", each(at_least(1)));
    field("widths", widths, "channels of the residual path, per stage",
          each(at_least(1)));
    field("growth_rates", growth_rates,
          "channels that each block joins to the dense path, per stage",
          each(at_least(1)));
    field("bottleneck_width", bottleneck_width,
          "channels of a block's 3x3 in the first stage", at_least(1));
    field("groups", groups, "groups of a block's 3x3", at_least(1));
    field("num_init_features", num_init_features, "channels of the stem",
          at_least(1));
    field("stem", stem, "one 3x3, or 7x7 at stride 2 and a max pool");
    field("stem_kernel", stem_kernel,
          "side of the imagenet stem's convolution (DPN-68: 3)", between(1, 7));
    field("split_output", split_output,
          "a last 1x1 for each path of its own (dpn68b)");
    field("in_channels", in_channels, "channels of an image", at_least(1));
    field("num_classes", num_classes, "outputs", at_least(2));
    field("kernels", kernels, "operators of our own, or LibTorch's alone");
  }

  bool uses(std::string_view key) const {
    return key != "stem_kernel" || stem == Stem::kImageNet;
  }
  /// Why stochastic depth has nothing to drop, in words.
  std::string why_no_drop_path() const {
    return "a block of a dpn joins features too: without its branch they would "
           "be missing";
  }

  /// Adds a line for every pair of fields that contradict each other.
  void validate(Problems& problems) const;

  /// What others call the tensors of its weight files.
  static NameRules name_rules() { return {}; }
  /// Networks of the family that a weight file of these names and shapes may
  /// hold; what they do not tell is as in this one.
  std::vector<DPNOptions> networks_in(const NamedShapes& file) const;
};

}  // namespace skipzoo
