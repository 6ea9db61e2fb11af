#pragma once

#include "models/kernels/algorithms/norm.h"
#include "models/kernels/blocking/blocks.h"

// 1x1 convolutions of channels-last data: float, double or bfloat16.

namespace skipzoo {

/// weight: (out channels, channels), of the input's type.
PackedWeight pack_pointwise(const torch::Tensor& weight);

/// out = input · weightᵀ, or relu(that + bias) with a bias (out channels, of
/// the accumulation type). out: rows of all out channels.
void pointwise(const ActivatedInput& input, const PackedWeight& weight,
               const torch::Tensor& bias, const torch::Tensor& out);
/// What a dual path makes of input · weightᵀ + bias: its first channels are
/// added to `added`, rows of as many, the others written to `joined`, rows of
/// the rest. bias: as above, not null.
void pointwise_paths(const ActivatedInput& input, const PackedWeight& weight,
                     const torch::Tensor& bias, const torch::Tensor& added,
                     const torch::Tensor& joined);
/// The same as pointwise() without a bias, and the moments of out, in one pass.
/// One row at least.
Moments pointwise_moments(const ActivatedInput& input,
                          const PackedWeight& weight, const torch::Tensor& out);

/// A gradient of rows of pixels, of the input's type, without a gap.
struct OutputGradient {
  torch::Tensor rows;
  /// Where rows are the gradient behind a norm and a ReLU: of what those read,
  /// x (of the same shape), the gradient is taken. All numbers (channels), of
  /// the accumulation type.
  struct Norm {
    torch::Tensor x, mean, scale, bias;
    NormGradient through;
  };
  std::optional<Norm> norm = {};
};

/// The backward pass: adds scale * g to `total`, rows as the input's, of the
/// accumulation type. dy: of all out channels. mean: (channels), of the
/// accumulation type. weight: as pack_pointwise() takes it.
ConvolutionGradient pointwise_backward(const ActivatedInput& input,
                                       const torch::Tensor& mean,
                                       const OutputGradient& dy,
                                       const torch::Tensor& weight,
                                       const torch::Tensor& total,
                                       bool with_weight);

}  // namespace skipzoo
