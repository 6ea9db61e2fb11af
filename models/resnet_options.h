#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/fields.h"
#include "models/kernels/kernels.h"
#include "models/named_shapes.h"
#include "models/shortcut.h"
#include "models/stem.h"
#include "models/weight_names.h"

namespace skipzoo {

struct ResNetImpl;

/// Shape of a ResNet. The defaults are ResNet-20 for 32x32 images: 6n + 2
/// layers with n = 3 (He et al. 2015, arXiv:1512.03385, section 4.2).
struct ResNetOptions {
  static constexpr const char* kFamily = "resnet";
  using Model = ResNetImpl;

  /// Blocks per stage. Every stage but the first halves height and width.
  std::vector<int64_t> depths = {3, 3, 3};
  /// Channels per stage, before the bottleneck's expansion by 4. The stem has
  /// as many as the first stage.
  std::vector<int64_t> widths = {16, 32, 64};
  /// 1x1-3x3-1x1 blocks instead of 3x3-3x3 (section 4.1, figure 5).
  bool bottleneck = false;
  Shortcut shortcut = Shortcut::kA;
  Stem stem = Stem::kCifar;
  /// Groups of a bottleneck's 3x3: ResNeXt's cardinality (Xie et al. 2016,
  /// arXiv:1611.05431).
  int64_t groups = 1;
  /// Channels of a group where the stage's width is 64: 4 in ResNeXt 32x4d,
  /// 128 in a Wide ResNet-50-2 (torchvision's name and rule).
  int64_t width_per_group = 64;
  /// Starts every block as its shortcut: the last BatchNorm's weight is zero
  /// (Goyal et al. 2017, arXiv:1706.02677, section 5.1).
  bool zero_init_residual = false;
  int64_t in_channels = 3;
  int64_t num_classes = 10;
  /// The code that computes it: see models/kernels/.
  Kernels kernels = Kernels::kFused;

  template <typename Fields>
  void describe(Fields& field) {
    field("depths", depths, "blocks per stage", each(at_least(1)));
    field("widths", widths, "channels per stage, before the bottleneck's x4",
          each(at_least(1)));
    field("bottleneck", bottleneck, "1x1-3x3-1x1 blocks instead of 3x3-3x3");
    field("shortcut", shortcut,
          "past a block: zero channels on both sides (A) or at the end "
          "(A_end), a projection where shapes differ (B) or everywhere (C), "
          "or nothing");
    field("stem", stem, "one 3x3, or 7x7 at stride 2 and a max pool");
    field("groups", groups, "groups of a bottleneck's 3x3 (ResNeXt)",
          at_least(1));
    field("width_per_group", width_per_group,
          "channels of a group at width 64 (ResNeXt, Wide ResNet)",
          at_least(1));
    field("zero_init_residual", zero_init_residual,
          "start every block as its shortcut");
    field("in_channels", in_channels, "channels of an image", at_least(1));
    field("num_classes", num_classes, "outputs", at_least(2));
    field("kernels", kernels, "operators of our own, or LibTorch's alone");
  }

  /// Adds a line for every pair of fields that contradict each other.
  void validate(Problems& problems) const;

  /// What others call the tensors of its weight files.
  static NameRules name_rules();
  /// Networks of the family that a weight file of these names and shapes may
  /// hold; what they do not tell is as in this one.
  std::vector<ResNetOptions> networks_in(const NamedShapes& file) const;
};

}  // namespace skipzoo
