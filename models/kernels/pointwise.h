#pragma once

#include "models/kernels/blocks.h"

// 1x1 convolutions of channels-last data: float, double or bfloat16.

namespace skipzoo {

/// weight: (out channels, channels), of the input's type.
PackedWeight pack_pointwise(const torch::Tensor& weight);

/// out = input · weightᵀ, or relu(that + bias) with a bias (out channels, of
/// the type of sums). out: rows of all out channels.
void pointwise(const ActivatedInput& input, const PackedWeight& weight,
               const torch::Tensor& bias, const torch::Tensor& out);

/// The way back: adds scale * g to `total`, rows as the input's, of the type of
/// sums. dy: rows of all out channels, of the input's type. mean: (channels),
/// of the type of sums. weight: as pack_pointwise() takes it.
ConvolutionGradient pointwise_back(const ActivatedInput& input,
                                   const torch::Tensor& mean,
                                   const torch::Tensor& dy,
                                   const torch::Tensor& weight,
                                   const torch::Tensor& total,
                                   bool with_weight);

}  // namespace skipzoo
