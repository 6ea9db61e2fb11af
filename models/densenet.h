#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "models/densenet_options.h"
#include "models/ops.h"

namespace skipzoo {

/// One layer of a dense block: BN-ReLU-[1x1 conv-BN-ReLU]-3x3 conv, with
/// dropout where the options have some.
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
  bool drops_inside_;  ///< Behind the 1x1 convolution too.
  Ops ops_;
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
  bool drops_inside_;
  Ops ops_;
};
TORCH_MODULE(DenseBlock);

/// What stands between two dense blocks: BN-ReLU-1x1 conv-2x2 average pool, or
/// a blur in its place.
///
/// Shapes: (N, in, H, W) -> (N, out, H / 2, W / 2), rounded down; a blur rounds
/// up. Source: Huang et al. 2017, section 3, "Pooling layers".
struct TransitionImpl : torch::nn::Module {
  TransitionImpl(int64_t in, int64_t out, const DenseNetOptions& options);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::BatchNorm2d norm;
  torch::nn::Conv2d conv;

 private:
  torch::Tensor halved(const torch::Tensor& x) const;

  double drop_rate_;  ///< Behind the convolution.
  bool blurs_;
  Ops ops_;
};
TORCH_MODULE(Transition);

/// A densely connected network. Names as torchvision's; the last BatchNorm is
/// `features.norm5` however many blocks there are.
struct DenseNetImpl : Classifier {
  explicit DenseNetImpl(const DenseNetOptions& options);

  torch::Tensor forward(const torch::Tensor& images) override;
  torch::Tensor forward_features(const torch::Tensor& images) override;
  torch::Tensor forward_head(const torch::Tensor& maps) override;
  std::string head_name() const override { return "classifier"; }
  void reset_head(int64_t num_classes) override;
  std::vector<std::string> block_names() const override;
  Kernels kernels() const override { return ops_.kernels(); }
  NameRules name_rules() const override {
    return DenseNetOptions::name_rules();
  }

  torch::nn::Sequential features;  ///< All but the classifier, by name.
  torch::nn::Conv2d conv0{nullptr};
  torch::nn::BatchNorm2d norm0{nullptr};  ///< Null in a CIFAR stem.
  /// What is behind them in a deep stem.
  torch::nn::Conv2d conv1{nullptr}, conv2{nullptr};
  torch::nn::BatchNorm2d norm1{nullptr}, norm2{nullptr};
  std::vector<DenseBlock> blocks;       ///< denseblock1, denseblock2, …
  std::vector<Transition> transitions;  ///< Between them: transition1, …
  torch::nn::BatchNorm2d norm5{nullptr};
  torch::nn::Linear classifier{nullptr};

 private:
  torch::Tensor stem_of(const torch::Tensor& images);

  Stem stem_;
  bool blurs_;
  Ops ops_;
};

}  // namespace skipzoo
