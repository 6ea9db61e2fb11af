#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "models/conv_net_options.h"
#include "models/drop_path.h"
#include "models/ops.h"

namespace skipzoo {

/// Keras's conv_block, to the last digit:
///   y = act(bn2(conv2(act(bn1(conv1(x))))) + skip(x))
/// conv1 3x3 at `stride`, conv2 3x3, skip 1x1 at `stride` with a BatchNorm of
/// its own. What ports get wrong and this keeps: convolutions have a bias;
/// "same" padding that is odd goes to the bottom and the right; BatchNorm has
/// eps 1e-3 and momentum 0.99 (0.01 here); Glorot-uniform weights, zero biases.
///
/// Shapes: (N, in, H, W) -> (N, out, ceil(H / stride), ceil(W / stride)).
struct ConvBlockImpl : torch::nn::Module {
  ConvBlockImpl(int64_t in, int64_t out, int64_t stride, Activation activation,
                ConvShortcut shortcut, Kernels kernels = Kernels::kFused);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn1;
  torch::nn::Conv2d conv2;
  torch::nn::BatchNorm2d bn2;
  torch::nn::Sequential skip{nullptr};  ///< Null in the plain network.

 private:
  int64_t stride_;
  Activation activation_;
  DropPath drop_path_{nullptr};  ///< Null in the plain network.
  Ops ops_;
};
TORCH_MODULE(ConvBlock);

/// conv_blocks, global average pooling, one linear layer `fc`.
struct ConvNetImpl : Classifier {
  explicit ConvNetImpl(const ConvNetOptions& options);

  torch::Tensor forward(const torch::Tensor& images) override;
  torch::Tensor forward_features(const torch::Tensor& images) override;
  torch::Tensor forward_head(const torch::Tensor& maps) override;
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t num_classes) override;
  std::vector<std::string> block_names() const override;
  bool takes_any_size() const override { return false; }
  Kernels kernels() const override { return kernels_; }

  torch::nn::Sequential blocks;
  torch::nn::Linear fc{nullptr};

 private:
  Kernels kernels_;
};

}  // namespace skipzoo
