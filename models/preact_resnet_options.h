#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/fields.h"
#include "models/kernels/kernels.h"
#include "models/named_shapes.h"
#include "models/shortcut.h"
#include "models/stem.h"
#include "models/weight_names.h"

namespace skipzoo {

struct PreActResNetImpl;

/// Shape of a pre-activation ResNet (He et al. 2016, arXiv:1603.05027), timm's
/// resnetv2, and of a Wide ResNet (Zagoruyko & Komodakis 2016,
/// arXiv:1605.07146), which is one. The defaults are pre-activation ResNet-20
/// for 32x32 images.
struct PreActResNetOptions {
  static constexpr const char* kFamily = "preact_resnet";
  using Model = PreActResNetImpl;

  /// Blocks per stage. Every stage but the first halves height and width.
  std::vector<int64_t> depths = {3, 3, 3};
  /// Channels per stage, before the bottleneck's expansion by 4. Those of
  /// WRN-28-10 are 160, 320, 640.
  std::vector<int64_t> widths = {16, 32, 64};
  /// Channels of the stem; 0: as many as the first stage's. A Wide ResNet's has
  /// 16 whatever its stages have.
  int64_t stem_width = 0;
  /// 1x1-3x3-1x1 blocks instead of 3x3-3x3.
  bool bottleneck = false;
  /// Whether a bottleneck that halves the size does so in its first 1x1, as in
  /// the authors' code, rather than in its 3x3, as in timm.
  bool stride_in_1x1 = false;
  Shortcut shortcut = Shortcut::kB;
  Stem stem = Stem::kCifar;
  /// Whether relu(norm) stands before the pooling. It does in the paper;
  /// kuangliu's PreActResNet leaves it out.
  bool final_norm = true;
  /// Dropout between the two 3x3 of a block (Wide ResNets, section 3).
  double drop_rate = 0;
  int64_t in_channels = 3;
  int64_t num_classes = 10;
  /// The code that computes it: see models/kernels/.
  Kernels kernels = Kernels::kFused;

  template <typename Fields>
  void describe(Fields& field) {
    field("depths", depths, "blocks per stage", each(at_least(1)));
    field("widths", widths, "channels per stage, before the bottleneck's x4",
          each(at_least(1)));
    field("stem_width", stem_width,
          "channels of the stem; 0: the first stage's (Wide ResNets: 16)",
          at_least(0));
    field("bottleneck", bottleneck, "1x1-3x3-1x1 blocks instead of 3x3-3x3");
    field("stride_in_1x1", stride_in_1x1,
          "a bottleneck's stride in its first 1x1 (the authors' code) rather "
          "than in its 3x3 (timm)");
    field("shortcut", shortcut,
          "past a block: zero channels on both sides (A) or at the end "
          "(A_end), a projection where shapes differ (B) or everywhere (C), "
          "or nothing");
    field("stem", stem, "one 3x3, or 7x7 at stride 2 and a max pool");
    field("final_norm", final_norm, "relu(norm) before the pooling");
    field("drop_rate", drop_rate,
          "dropout between a block's two 3x3 (Wide ResNets)",
          Rule{.low = 0, .high = 0.99});
    field("in_channels", in_channels, "channels of an image", at_least(1));
    field("num_classes", num_classes, "outputs", at_least(2));
    field("kernels", kernels, "operators of our own, or LibTorch's alone");
  }
  bool uses(std::string_view key) const {
    return key != "stride_in_1x1" || bottleneck;
  }

  /// Adds a line for every pair of fields that contradict each other.
  void validate(Problems& problems) const;

  /// What others call the tensors of its weight files.
  static NameRules name_rules();
  /// Networks of the family that a weight file of these names and shapes may
  /// hold; what they do not tell is as in this one.
  std::vector<PreActResNetOptions> networks_in(const NamedShapes& file) const;
};

}  // namespace skipzoo
