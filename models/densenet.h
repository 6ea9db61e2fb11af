#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "models/fields.h"
#include "models/kernels/kernels.h"
#include "models/resnet.h"

namespace skipzoo {

struct DenseNetImpl;

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
  /// Probability to drop each element of a layer's new features in training;
  /// 0.2 in the paper where there is no augmentation.
  double drop_rate = 0;
  Stem stem = Stem::kCifar;
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
    field("drop_rate", drop_rate, "dropout on a layer's new features",
          between(0, 0.99));
    field("stem", stem, "one 3x3, or 7x7 at stride 2 and a max pool");
    field("in_channels", in_channels, "channels of an image", at_least(1));
    field("num_classes", num_classes, "outputs", at_least(2));
    field("kernels", kernels, "operators of our own, or LibTorch's alone");
  }

  /// Adds a line for every pair of fields that contradict each other.
  void validate(Problems& problems) const;
};

/// One layer of a dense block: BN-ReLU-[1x1 conv-BN-ReLU]-3x3 conv.
///
/// Shapes: (N, in, H, W) -> (N, growth_rate, H, W), the new features only.
/// Source: Huang et al. 2017, section 3, "Composite function", "Bottleneck
/// layers".
struct DenseLayerImpl : torch::nn::Module {
  DenseLayerImpl(int64_t in, const DenseNetOptions& options);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::BatchNorm2d norm1{nullptr};
  torch::nn::Conv2d conv1{nullptr};
  torch::nn::BatchNorm2d norm2{nullptr};  ///< Null without a bottleneck.
  torch::nn::Conv2d conv2{nullptr};       ///< Null without a bottleneck.

 private:
  double drop_rate_;
  Kernels kernels_;
};
TORCH_MODULE(DenseLayer);

/// Layers that each see the features of all before them.
///
/// Shapes: (N, in, H, W) -> (N, in + layers * growth_rate, H, W).
/// Source: Huang et al. 2017, equation 2.
struct DenseBlockImpl : torch::nn::Module {
  DenseBlockImpl(int64_t in, int64_t layers, const DenseNetOptions& options);
  torch::Tensor forward(const torch::Tensor& x);

  std::vector<DenseLayer> layers;  ///< denselayer1, denselayer2, …

 private:
  double drop_rate_;
  Kernels kernels_;
};
TORCH_MODULE(DenseBlock);

/// What stands between two dense blocks: BN-ReLU-1x1 conv-2x2 average pool.
///
/// Shapes: (N, in, H, W) -> (N, out, H / 2, W / 2), rounded down.
/// Source: Huang et al. 2017, section 3, "Pooling layers".
struct TransitionImpl : torch::nn::Module {
  TransitionImpl(int64_t in, int64_t out, Kernels kernels = Kernels::kFused);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::BatchNorm2d norm;
  torch::nn::Conv2d conv;

 private:
  Kernels kernels_;
};
TORCH_MODULE(Transition);

/// A densely connected network. Names as torchvision's; the last BatchNorm is
/// `features.norm5` however many blocks there are.
struct DenseNetImpl : Classifier {
  explicit DenseNetImpl(const DenseNetOptions& options);

  torch::Tensor forward(const torch::Tensor& images) override;
  std::string head_name() const override { return "classifier"; }
  void reset_head(int64_t num_classes) override;
  std::vector<std::string> block_names() const override;

  torch::nn::Sequential features;  ///< All but the classifier, by name.
  torch::nn::Conv2d conv0{nullptr};
  torch::nn::BatchNorm2d norm0{nullptr};  ///< Null in a CIFAR stem.
  std::vector<DenseBlock> blocks;         ///< denseblock1, denseblock2, …
  std::vector<Transition> transitions;    ///< Between them: transition1, …
  torch::nn::BatchNorm2d norm5{nullptr};
  torch::nn::Linear classifier{nullptr};

 private:
  Kernels kernels_;
};

}  // namespace skipzoo
