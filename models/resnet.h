#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "models/fields.h"
#include "models/kernels/kernels.h"

namespace skipzoo {

/// What carries the signal past a residual block (He et al. 2015, section 3.3).
enum class Shortcut {
  kA,     ///< Identity; zero channels on both sides where shapes differ.
  kAEnd,  ///< Identity; zero channels behind the signal where shapes differ.
  kB,     ///< Identity; a projection where shapes differ.
  kC,     ///< A projection in every block.
  kNone,  ///< Nothing: the plain network that the paper compares with.
};
template <>
struct EnumNames<Shortcut> {
  static constexpr Named<Shortcut> values[] = {{Shortcut::kA, "A"},
                                               {Shortcut::kAEnd, "A_end"},
                                               {Shortcut::kB, "B"},
                                               {Shortcut::kC, "C"},
                                               {Shortcut::kNone, "none"}};
};

/// What stands before the first stage or dense block.
enum class Stem {
  kCifar,     ///< One 3x3 convolution at full size.
  kImageNet,  ///< 7x7 at stride 2, then a 3x3 max pool at stride 2.
};
template <>
struct EnumNames<Stem> {
  static constexpr Named<Stem> values[] = {{Stem::kCifar, "cifar"},
                                           {Stem::kImageNet, "imagenet"}};
};

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
};

/// The basic residual block, y = relu(F(x) + shortcut(x)).
///
/// Shapes: (N, in, H, W) -> (N, width, H / stride, W / stride), rounded up.
/// Source: He et al. 2015 (arXiv:1512.03385), section 3.2, figure 2.
struct BasicBlockImpl : torch::nn::Module {
  static constexpr int64_t kExpansion = 1;

  BasicBlockImpl(int64_t in, int64_t width, int64_t stride,
                 const ResNetOptions& options);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn1;
  torch::nn::Conv2d conv2;
  torch::nn::BatchNorm2d bn2;
  torch::nn::Sequential downsample{nullptr};  ///< Null without a projection.

 private:
  Shortcut shortcut_;
  int64_t stride_;
  Kernels kernels_;
};
TORCH_MODULE(BasicBlock);

/// The bottleneck block: 1x1 down, 3x3, 1x1 up to 4 * width.
///
/// Shapes: (N, in, H, W) -> (N, 4 * width, H / stride, W / stride), rounded up.
/// Source: He et al. 2015, section 4.1, figure 5, with the stride in the 3x3
/// ("v1.5", as torchvision and fb.resnet.torch). With groups: ResNeXt.
struct BottleneckImpl : torch::nn::Module {
  static constexpr int64_t kExpansion = 4;

  BottleneckImpl(int64_t in, int64_t width, int64_t stride,
                 const ResNetOptions& options);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::Conv2d conv1{nullptr};
  torch::nn::BatchNorm2d bn1{nullptr};
  torch::nn::Conv2d conv2{nullptr};
  torch::nn::BatchNorm2d bn2{nullptr};
  torch::nn::Conv2d conv3{nullptr};
  torch::nn::BatchNorm2d bn3{nullptr};
  torch::nn::Sequential downsample{nullptr};  ///< Null without a projection.

 private:
  Shortcut shortcut_;
  int64_t stride_;
  Kernels kernels_;
};
TORCH_MODULE(Bottleneck);

/// A residual network, or its plain counterpart: stem, stages of blocks, global
/// average pooling, one linear layer `fc`. Names as torchvision's.
struct ResNetImpl : Classifier {
  explicit ResNetImpl(const ResNetOptions& options);

  torch::Tensor forward(const torch::Tensor& images) override;
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t num_classes) override;
  std::vector<std::string> block_names() const override;

  torch::nn::Conv2d conv1{nullptr};
  torch::nn::BatchNorm2d bn1{nullptr};
  std::vector<torch::nn::Sequential> stages;  ///< layer1, layer2, …
  torch::nn::Linear fc{nullptr};

 private:
  Stem stem_;
  Kernels kernels_;
};

}  // namespace skipzoo
