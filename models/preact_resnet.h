#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "models/ops.h"
#include "models/preact_resnet_options.h"
#include "models/residual.h"

namespace skipzoo {

/// What a block with pre-activation adds to its branch, and the addition:
/// y = F(a) + shortcut, a = relu(norm(x)), of x itself where shapes are equal,
/// else of a (He et al. 2016, section 4.1, and the authors' code: BatchNorm and
/// ReLU are common to both ways where the shape changes).
class PreActEnd {
 public:
  /// Registers in `block`, under timm's names, what it needs: `downsample`, a
  /// bare 1x1 convolution where the shortcut projects, and `drop_path`.
  PreActEnd(torch::nn::Module& block, const BlockShape& shape, int64_t out,
            Shortcut shortcut);

  /// activated: relu(norm(x)).
  torch::Tensor operator()(const torch::Tensor& branch, const torch::Tensor& x,
                           const torch::Tensor& activated,
                           const Ops& ops) const;

 private:
  ShortcutPath shortcut_;
  bool is_identity_;
  torch::nn::Sequential downsample_{nullptr};
  DropPath drop_path_{nullptr};
};

/// Two 3x3 convolutions, each behind relu(norm), dropout between them.
///
/// Shapes: (N, in, H, W) -> (N, width, H / stride, W / stride), rounded up.
/// Source: He et al. 2016 (arXiv:1603.05027), figure 4 (e); with dropout,
/// Zagoruyko & Komodakis 2016 (arXiv:1605.07146), figure 1 (d).
struct PreActBlockImpl : torch::nn::Module {
  static constexpr int64_t kExpansion = 1;

  PreActBlockImpl(const BlockShape& shape, const PreActResNetOptions& options);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::BatchNorm2d bn1;
  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn2;
  torch::nn::Conv2d conv2;
  PreActEnd end;

 private:
  double drop_rate_;
  Ops ops_;
};
TORCH_MODULE(PreActBlock);

/// 1x1 down, 3x3, 1x1 up to 4 * width, each behind relu(norm).
///
/// Shapes: (N, in, H, W) -> (N, 4 * width, H / stride, W / stride), rounded up.
/// Source: He et al. 2016, section 4.2; the stride where the options say.
struct PreActBottleneckImpl : torch::nn::Module {
  static constexpr int64_t kExpansion = 4;

  PreActBottleneckImpl(const BlockShape& shape,
                       const PreActResNetOptions& options);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::BatchNorm2d bn1;
  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn2;
  torch::nn::Conv2d conv2;
  torch::nn::BatchNorm2d bn3;
  torch::nn::Conv2d conv3;
  PreActEnd end;

 private:
  Ops ops_;
};
TORCH_MODULE(PreActBottleneck);

/// A residual network with pre-activation: a bare stem, stages of blocks,
/// relu(norm), global average pooling, one linear layer `fc`.
struct PreActResNetImpl : Classifier {
  explicit PreActResNetImpl(const PreActResNetOptions& options);

  torch::Tensor forward(const torch::Tensor& images) override;
  torch::Tensor forward_features(const torch::Tensor& images) override;
  torch::Tensor forward_head(const torch::Tensor& maps) override;
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t num_classes) override;
  std::vector<std::string> block_names() const override;
  Kernels kernels() const override { return ops_.kernels(); }
  NameRules name_rules() const override {
    return PreActResNetOptions::name_rules();
  }

  torch::nn::Conv2d conv1{nullptr};
  std::vector<torch::nn::Sequential> stages;  ///< layer1, layer2, …
  torch::nn::BatchNorm2d norm{nullptr};       ///< Null without final_norm.
  torch::nn::Linear fc{nullptr};

 private:
  Stem stem_;
  Ops ops_;
};

}  // namespace skipzoo
