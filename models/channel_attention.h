#pragma once

#include <torch/nn.h>

#include <cstdint>

namespace skipzoo {

/// Squeeze-and-excitation: sigmoid(fc2(relu(fc1(mean)))), of the mean of each
/// channel over an image.
///
/// (N, C, 1, 1) -> (N, C, 1, 1). Source: Hu et al. 2018 (arXiv:1709.01507),
/// section 3; names and 1x1 convolutions as timm's.
struct SqueezeExciteImpl : torch::nn::Module {
  /// squeezed: channels between the two.
  SqueezeExciteImpl(int64_t channels, int64_t squeezed);
  torch::Tensor forward(const torch::Tensor& means);

  torch::nn::Conv2d fc1;
  torch::nn::Conv2d fc2;
};
TORCH_MODULE(SqueezeExcite);

/// Efficient channel attention: the sigmoid of a convolution over neighbouring
/// channels' means, as wide as their number asks for.
///
/// (N, C, 1, 1) -> (N, C, 1, 1). Source: Wang et al. 2020 (arXiv:1910.03151),
/// section 3.3, with gamma 2 and b 1.
struct EfficientChannelAttentionImpl : torch::nn::Module {
  explicit EfficientChannelAttentionImpl(int64_t channels);
  torch::Tensor forward(const torch::Tensor& means);

  torch::nn::Conv1d conv;
};
TORCH_MODULE(EfficientChannelAttention);

}  // namespace skipzoo
