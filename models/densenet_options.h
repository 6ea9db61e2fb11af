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

struct DenseNetImpl;

/// What dropout stands behind.
enum class DropAfter {
  kLayers,        ///< A layer's new features alone, as in torchvision.
  kConvolutions,  ///< Each convolution but the first, as in the paper.
};
template <>
struct EnumNames<DropAfter> {
  static constexpr Named<DropAfter> values[] = {
      {DropAfter::kLayers, "layers"},
      {DropAfter::kConvolutions, "convolutions"}};
};

/// Shape of a DenseNet. The defaults are DenseNet-BC-100-12 for 32x32 images
/// (Huang et al. 2017, arXiv:1608.06993, section 3). Keys as torchvision's.
struct DenseNetOptions {
  static constexpr const char* kFamily = "densenet";
  using Model = DenseNetImpl;

  /// Layers per dense block. A transition between two blocks halves height and
  /// width.
  std::vector<int64_t> block_config = {16, 16, 16};
  /// Channels that each layer adds: the paper's k.
  int64_t growth_rate = 12;
  /// Channels of the stem: 2k for DenseNet-BC, 16 for the plain DenseNet.
  int64_t num_init_features = 24;
  /// A 1x1 convolution to bn_size * growth_rate channels goes before each 3x3:
  /// 4 is the paper's "B"; 0 for none.
  int64_t bn_size = 4;
  /// Share of the channels a transition keeps: the paper's theta, its "C".
  double compression = 0.5;
  /// Probability to drop an element in training; 0.2 in the paper, behind each
  /// convolution, where there is no augmentation.
  double drop_rate = 0;
  DropAfter drop_after = DropAfter::kLayers;
  Stem stem = Stem::kCifar;
  /// Three 3x3 in place of ImageNet's 7x7, the first two of growth_rate
  /// channels: timm's densenet264d.
  bool deep_stem = false;
  /// What halves the size is a blur (Zhang 2019, arXiv:1904.11486), in a
  /// transition and behind the stem's max pool; timm's densenetblur121d.
  bool blur_pool = false;
  int64_t in_channels = 3;
  int64_t num_classes = 10;
  /// The code that computes it: see models/kernels/.
  Kernels kernels = Kernels::kFused;

  template <typename Fields>
  void describe(Fields& field) {
    field("block_config", block_config, "layers per dense block",
          each(at_least(1)));
    field("growth_rate", growth_rate, "channels that each layer adds (k)",
          at_least(1));
    field("num_init_features", num_init_features, "channels of the stem",
          at_least(1));
    field("bn_size", bn_size,
          "bottleneck of bn_size * growth_rate channels; 0: no bottleneck",
          at_least(0));
    field("compression", compression, "share of channels a transition keeps",
          between(0.01, 1));
    field("drop_rate", drop_rate, "dropout, behind what drop_after says",
          between(0, 0.99));
    field("drop_after", drop_after,
          "a layer's new features alone (torchvision), or each convolution but "
          "the first (the paper)");
    field("stem", stem, "one 3x3, or 7x7 at stride 2 and a max pool");
    field("deep_stem", deep_stem,
          "three 3x3 in place of the imagenet stem's 7x7 (densenet264d)");
    field("blur_pool", blur_pool,
          "a blur halves the size, without aliases (densenetblur121d)");
    field("in_channels", in_channels, "channels of an image", at_least(1));
    field("num_classes", num_classes, "outputs", at_least(2));
    field("kernels", kernels, "operators of our own, or LibTorch's alone");
  }

  bool uses(std::string_view key) const {
    if (key == "drop_after") return drop_rate > 0;
    return key != "deep_stem" || stem == Stem::kImageNet;
  }

  /// Adds a line for every pair of fields that contradict each other.
  void validate(Problems& problems) const;

  /// What others call the tensors of its weight files.
  static NameRules name_rules();
  /// Networks of the family that a weight file of these names and shapes may
  /// hold; what they do not tell is as in this one.
  std::vector<DenseNetOptions> networks_in(const NamedShapes& file) const;
};

}  // namespace skipzoo
