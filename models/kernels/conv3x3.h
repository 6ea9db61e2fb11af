#pragma once

#include "models/kernels/blocks.h"

// 3x3 convolutions of channels-last data with a border of zeros, stride 1, one
// group: float, double or bfloat16.

namespace skipzoo {

/// The images that rows of pixels stand for.
struct ImageSize {
  int64_t height, width;
};

/// weight: (out channels, channels, 3, 3), of the input's type.
PackedWeight pack_conv3x3(const torch::Tensor& weight);

/// out = input * weight, or relu(that + bias) with a bias (out channels, of the
/// type of sums). out: rows of all out channels.
void conv3x3(const ActivatedInput& input, const ImageSize& size,
             const PackedWeight& weight, const torch::Tensor& bias,
             const torch::Tensor& out);

/// Where the gradient of what a convolution reads goes: g itself, before the
/// ReLU left some of it out, to `rows` (of all channels, of the input's type),
/// or scale * g to `total` (rows as the input's, of the type of sums), to which
/// it is added. The other is null.
struct GradientTarget {
  torch::Tensor rows;
  torch::Tensor total;
};

/// The way back. dy: rows of all out channels, of the input's type. mean:
/// (channels), of the type of sums.
/// weight: as pack_conv3x3() takes it.
ConvolutionGradient conv3x3_back(const ActivatedInput& input,
                                 const torch::Tensor& mean,
                                 const ImageSize& size, const torch::Tensor& dy,
                                 const torch::Tensor& weight,
                                 const GradientTarget& target,
                                 bool with_weight);

}  // namespace skipzoo
