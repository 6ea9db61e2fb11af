#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "models/fields.h"
#include "models/kernels/kernels.h"

namespace skipzoo {

/// What carries the signal past a conv_block.
enum class ConvShortcut {
  kProjection,  ///< A strided 1x1 convolution and a BatchNorm of its own.
  kNone,        ///< Nothing: the plain network it is compared with.
};
template <>
struct EnumNames<ConvShortcut> {
  static constexpr Named<ConvShortcut> values[] = {
      {ConvShortcut::kProjection, "projection"}, {ConvShortcut::kNone, "none"}};
};

/// Activations under Keras's names; gelu is the exact one, by erf.
enum class Activation { kRelu, kElu, kGelu, kSilu, kTanh };
template <>
struct EnumNames<Activation> {
  static constexpr Named<Activation> values[] = {{Activation::kRelu, "relu"},
                                                 {Activation::kElu, "elu"},
                                                 {Activation::kGelu, "gelu"},
                                                 {Activation::kSilu, "silu"},
                                                 {Activation::kTanh, "tanh"}};
};

struct ConvNetImpl;

/// Shape of a conv_block network. The defaults are the usual teaching example:
/// 32x32x3 -> 32 -> 64 -> 128 -> 256 filters, 1,221,290 parameters.
struct ConvNetOptions {
  static constexpr const char* kFamily = "conv_net";
  using Model = ConvNetImpl;

  /// Filters per block.
  std::vector<int64_t> filters = {32, 64, 128, 256};
  /// Stride per block.
  std::vector<int64_t> strides = {2, 2, 2, 2};
  Activation activation = Activation::kRelu;
  ConvShortcut shortcut = ConvShortcut::kProjection;
  int64_t in_channels = 3;
  int64_t num_classes = 10;
  /// The code that computes it: see models/kernels/.
  Kernels kernels = Kernels::kFused;

  template <typename Fields>
  void describe(Fields& field) {
    field("filters", filters, "filters per block", each(at_least(1)));
    field("strides", strides, "stride per block", each(at_least(1)));
    field("activation", activation, "after each addition and between");
    field("shortcut", shortcut,
          "past a block: 1x1 convolution and BatchNorm, "
          "or nothing");
    field("in_channels", in_channels, "channels of an image", at_least(1));
    field("num_classes", num_classes, "outputs", at_least(2));
    field("kernels", kernels, "operators of our own, or LibTorch's alone");
  }

  /// Adds a line for every pair of fields that contradict each other.
  void validate(Problems& problems) const;
};

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
  Kernels kernels_;
};
TORCH_MODULE(ConvBlock);

/// conv_blocks, global average pooling, one linear layer `fc`.
struct ConvNetImpl : Classifier {
  explicit ConvNetImpl(const ConvNetOptions& options);

  torch::Tensor forward(const torch::Tensor& images) override;
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t num_classes) override;
  std::vector<std::string> block_names() const override;
  bool takes_any_size() const override { return false; }

  torch::nn::Sequential blocks;
  torch::nn::Linear fc{nullptr};
};

}  // namespace skipzoo
