#pragma once

#include <torch/nn.h>

#include <cstdint>

#include "models/conv_net_options.h"
#include "models/drop_path.h"
#include "models/ops.h"

namespace skipzoo {

/// Keras's conv_block, to the last digit, with shortcut: projection:
///   y = act(bn2(conv2(act(bn1(conv1(x))))) + skip(x))
/// conv1 3x3 at `stride`, conv2 3x3, skip 1x1 at `stride` with a BatchNorm of
/// its own. What ports get wrong and this keeps: convolutions have a bias;
/// "same" padding that is odd goes to the bottom and the right; BatchNorm has
/// eps 1e-3 and momentum 0.99 (0.01 here); Glorot-uniform weights, zero biases.
/// Of the other shortcuts: ConvShortcut.
///
/// Shapes: (N, in, H, W) -> (N, out, ceil(H / stride), ceil(W / stride)), and
/// (N, in + out, …) with shortcut: dense.
struct ConvBlockImpl : torch::nn::Module {
  ConvBlockImpl(int64_t in, int64_t out, int64_t stride,
                const ConvNetOptions& options);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::Conv2d conv1{nullptr};
  torch::nn::BatchNorm2d bn1{nullptr};  ///< Null with norm: none, as bn2.
  torch::nn::Conv2d conv2{nullptr};
  torch::nn::BatchNorm2d bn2{nullptr};
  torch::nn::Sequential skip{nullptr};   ///< Null where nothing is projected.
  torch::nn::Conv2d transform{nullptr};  ///< A highway's gate, or null.
  torch::Tensor scale;                   ///< On the branch: (1) or (out).
  torch::Tensor bias1a, bias2a;          ///< (1), of init: fixup; or null.

 private:
  /// act(norm(conv(x))) and what `epilogue` says, whose ReLU is the activation.
  torch::Tensor run(const torch::Tensor& x, torch::nn::Conv2d& conv,
                    torch::nn::BatchNorm2d& norm, Epilogue epilogue,
                    const ExtraPadding& padding);
  /// What is added to the branch, or what a gate lets through in its place.
  torch::Tensor past(const torch::Tensor& x) const;
  /// The branch's factors, of stochastic depth too; null for none.
  torch::Tensor factors(const torch::Tensor& branch) const;

  ConvShortcut shortcut_;
  int64_t out_, stride_;
  Activation activation_;
  DropPath drop_path_{nullptr};  ///< Null where no branch can be dropped.
  Ops ops_;
};
TORCH_MODULE(ConvBlock);

}  // namespace skipzoo
