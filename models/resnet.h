#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "models/ops.h"
#include "models/residual.h"
#include "models/resnet_options.h"

namespace skipzoo {

/// The basic residual block, y = relu(F(x) + shortcut(x)).
///
/// Shapes: (N, in, H, W) -> (N, width, H / stride, W / stride), rounded up.
/// Source: He et al. 2015 (arXiv:1512.03385), section 3.2, figure 2. A blur,
/// where it halves the size, stands between the two.
struct BasicBlockImpl : torch::nn::Module {
  static constexpr int64_t kExpansion = 1;

  BasicBlockImpl(const BlockShape& shape, const ResNetOptions& options);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn1;
  torch::nn::Conv2d conv2;
  torch::nn::BatchNorm2d bn2;
  BranchEnd end;

 private:
  bool blurs_;
  Ops ops_;
};
TORCH_MODULE(BasicBlock);

/// The bottleneck block: 1x1 down, 3x3, 1x1 up to 4 * width.
///
/// Shapes: (N, in, H, W) -> (N, 4 * width, H / stride, W / stride), rounded up.
/// Source: He et al. 2015, section 4.1, figure 5, with the stride in the 3x3
/// ("v1.5", as torchvision and fb.resnet.torch) unless the options say
/// otherwise. With groups: ResNeXt. A blur, where it halves the size, stands
/// behind the 3x3.
struct BottleneckImpl : torch::nn::Module {
  static constexpr int64_t kExpansion = 4;

  BottleneckImpl(const BlockShape& shape, const ResNetOptions& options);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn1;
  torch::nn::Conv2d conv2;
  torch::nn::BatchNorm2d bn2;
  torch::nn::Conv2d conv3;
  torch::nn::BatchNorm2d bn3;
  BranchEnd end;

 private:
  BottleneckImpl(const BlockShape& shape, int64_t inner,
                 const ResNetOptions& options);

  bool blurs_;
  Ops ops_;
};
TORCH_MODULE(Bottleneck);

/// A residual network, or its plain counterpart: stem, stages of blocks, global
/// average pooling, one linear layer `fc`. Names as torchvision's.
struct ResNetImpl : Classifier {
  explicit ResNetImpl(const ResNetOptions& options);

  torch::Tensor forward(const torch::Tensor& images) override;
  torch::Tensor forward_features(const torch::Tensor& images) override;
  torch::Tensor forward_head(const torch::Tensor& maps) override;
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t num_classes) override;
  std::vector<std::string> block_names() const override;
  Kernels kernels() const override { return ops_.kernels(); }
  NameRules name_rules() const override { return ResNetOptions::name_rules(); }

  torch::nn::Conv2d conv1{nullptr};
  torch::nn::Sequential deep_conv1{nullptr};  ///< `conv1` of a deep stem.
  torch::nn::BatchNorm2d bn1{nullptr};
  std::vector<torch::nn::Sequential> stages;  ///< layer1, layer2, …
  torch::nn::Linear fc{nullptr};

 private:
  torch::Tensor stem_of(const torch::Tensor& images);

  Stem stem_;
  bool blurs_;
  double drop_rate_;
  Ops ops_;
};

}  // namespace skipzoo
