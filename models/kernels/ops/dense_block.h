#pragma once

#include <torch/nn.h>

#include <vector>

namespace skipzoo {

/// A layer of a dense block, BN-ReLU-[1x1 conv-BN-ReLU]-3x3 conv, as its parts.
struct DenseLayerParts {
  torch::nn::BatchNorm2d norm1{nullptr};
  torch::nn::Conv2d conv1{nullptr};
  torch::nn::BatchNorm2d norm2{nullptr};  ///< Null without a bottleneck.
  torch::nn::Conv2d conv2{nullptr};       ///< Null without a bottleneck.
};

/// Dropout of a dense block in training.
struct DenseDropout {
  double rate = 0;      ///< 0: none.
  bool inside = false;  ///< Behind the 1x1 convolutions too.
};

/// Whether dense_block() can compute these layers on x: channels-last float32,
/// float64 or bfloat16 on the CPU, on a GPU see suits_cuda_dense_block(), and
/// no trace. Their convolutions are taken to be as in a DenseNet: 1x1 or 3x3,
/// stride 1, same size, no bias.
bool dense_block_applies(const torch::Tensor& x,
                         const std::vector<DenseLayerParts>& layers,
                         const DenseDropout& dropout = {});

/// Their parameters, in the order in which gradients come back.
std::vector<torch::Tensor> parameters_of(
    const std::vector<DenseLayerParts>& layers);

/// A whole dense block that normalises once.
///
/// (N, in, H, W) -> (N, in + layers * growth, H, W), channels-last: x first,
/// then what each layer makes of all before it (Huang et al. 2017,
/// arXiv:1608.06993, equation 2). dropout: of each layer's new features, none
/// outside training.
///
/// All layers write into one buffer, so nothing is ever concatenated. In
/// training every layer that sees a feature computes the same mean and variance
/// of it: here they are computed once, when the feature is made, and a layer
/// reads relu(scale * feature + offset). Its backward pass adds to one gradient
/// of the buffer, in float under bfloat16; the part that goes through a
/// feature's statistics is gathered per channel and applied once, behind its
/// last reader. Activations are recomputed instead of saved: memory is linear
/// in depth. Every norm keeps running statistics of its own; one that is in
/// evaluation, or frozen, takes its running ones.
torch::Tensor dense_block(const torch::Tensor& x,
                          const std::vector<DenseLayerParts>& layers,
                          const DenseDropout& dropout = {});

}  // namespace skipzoo
