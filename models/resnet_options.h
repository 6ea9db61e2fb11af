#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/attention.h"
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
  /// Whether a bottleneck that halves the size does so in its first 1x1, as in
  /// the paper ("v1"), rather than in its 3x3, as in torchvision ("v1.5").
  bool stride_in_1x1 = false;
  /// Three 3x3 in place of ImageNet's 7x7: ResNet-C (He et al. 2018,
  /// arXiv:1812.01187, section 4.1); with avg_down it is ResNet-D.
  bool deep_stem = false;
  /// A projection that halves the size pools first, so that it sees all pixels.
  bool avg_down = false;
  /// What halves the size is a blur (Zhang 2019, arXiv:1904.11486), behind a
  /// block's convolution and behind the stem's max pool; timm's resnetblur.
  bool blur_pool = false;
  /// What weighs the channels of a branch, behind its last BatchNorm.
  Attention attention = Attention::kNone;
  /// Of squeeze-and-excitation: channels over those between, and of what these
  /// are a multiple (timm: 8, the authors' code: 1).
  int64_t se_reduction = 16;
  int64_t se_divisor = 8;
  /// Dropout before the last layer.
  double drop_rate = 0;
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
    field("stride_in_1x1", stride_in_1x1,
          "a bottleneck's stride in its first 1x1 (the paper) rather than in "
          "its 3x3 (torchvision)");
    field("deep_stem", deep_stem,
          "three 3x3 in place of the imagenet stem's 7x7 (ResNet-C, -D)");
    field("avg_down", avg_down,
          "projections pool before they halve the size (ResNet-D)");
    field("blur_pool", blur_pool,
          "a blur halves the size, without aliases (resnetblur)");
    field("attention", attention,
          "weighs the channels of a branch: squeeze-and-excitation or "
          "efficient channel attention");
    field("se_reduction", se_reduction,
          "of se: a branch's channels over those between", at_least(1));
    field("se_divisor", se_divisor,
          "of se: those between are a multiple of it (timm: 8, legacy: 1)",
          at_least(1));
    field("drop_rate", drop_rate, "dropout before the last layer",
          Rule{.low = 0, .high = 0.99});
    field("zero_init_residual", zero_init_residual,
          "start every block as its shortcut");
    field("in_channels", in_channels, "channels of an image", at_least(1));
    field("num_classes", num_classes, "outputs", at_least(2));
    field("kernels", kernels, "operators of our own, or LibTorch's alone");
  }

  bool uses(std::string_view key) const {
    if (key == "stride_in_1x1") return bottleneck;
    if (key == "deep_stem") return stem == Stem::kImageNet;
    return !key.starts_with("se_") || attention == Attention::kSe;
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
