#pragma once

#include <torch/nn.h>

#include <cstdint>

#include "models/ops.h"

namespace skipzoo {

/// A 3x3 convolution without bias, padded by 1: H -> ceil(H / stride).
torch::nn::Conv2d conv3x3(int64_t in, int64_t out, int64_t stride = 1,
                          int64_t groups = 1);
/// A 1x1 convolution without bias: H -> ceil(H / stride).
torch::nn::Conv2d conv1x1(int64_t in, int64_t out, int64_t stride = 1);
/// A shortcut that changes shape by learning: 1x1 convolution and BatchNorm
/// (He et al. 2015, section 3.3, option B).
torch::nn::Sequential projection(int64_t in, int64_t out, int64_t stride);
/// The same, with every stride-th pixel the mean of those around it (He et al.
/// 2018, arXiv:1812.01187, section 4.1, ResNet-D; timm's).
torch::nn::Sequential pooled_projection(int64_t in, int64_t out,
                                        int64_t stride);
/// What a shortcut of a convolution, and a BatchNorm where it has one, makes of
/// x, behind a pooling where it has that.
torch::Tensor project(const torch::Tensor& x,
                      const torch::nn::Sequential& projection, const Ops& ops);
/// A shortcut that changes shape without parameters: every stride-th pixel, and
/// channels of zeros up to `out` (He et al. 2015, section 3.3, option A).
///
/// at_end: all zeros after the signal, as in the authors' Lua; else half of
/// them before it, as in the PyTorch ports whose weights are published. A
/// network trained with one is broken under the other. (N, in, H, W) -> (N,
/// out, ceil(H / stride), ceil(W / stride)); out >= in.
torch::Tensor pad_shortcut(const torch::Tensor& x, int64_t out, int64_t stride,
                           bool at_end);

/// Halves images without aliases: each channel by the binomial filter
/// (1, 2, 1) x (1, 2, 1) / 16, every second pixel of it, mirrored at the border
/// (Zhang 2019, arXiv:1904.11486; timm's BlurPool2d). (N, C, H, W) ->
/// (N, C, ceil(H / 2), ceil(W / 2)).
torch::Tensor blur_pool(const torch::Tensor& x);
/// The 3x3 max pool behind ImageNet's stem: at stride 2, or at stride 1 and a
/// blur. (N, C, H, W) -> (N, C, ceil(H / 2), ceil(W / 2)).
torch::Tensor stem_pool(const torch::Tensor& x, bool blurs);

/// He et al.'s normal initialisation for every convolution under `module`;
/// BatchNorm weights 1 and biases 0 (arXiv:1502.01852). kFanOut keeps the
/// variance of gradients (torchvision's ResNet), kFanIn that of signals
/// (torchvision's DenseNet).
enum class Fan { kIn, kOut };
void initialise_he(torch::nn::Module& module, Fan fan);

/// A new linear layer in place of `old`, same inputs, device and type.
torch::nn::Linear linear_like(const torch::nn::Linear& old, int64_t outputs);

/// Registered names of all modules of these types below `parent`, in forward
/// order.
template <typename... Types>
std::vector<std::string> names_of_modules(const torch::nn::Module& parent) {
  std::vector<std::string> names;
  for (const auto& item : parent.named_modules("", /*include_self=*/false)) {
    if (((item.value()->as<Types>() != nullptr) || ...)) {
      names.push_back(item.key());
    }
  }
  return names;
}

}  // namespace skipzoo
