#pragma once

#include <torch/nn.h>

#include "models/kernels/algorithms/norm.h"

// Gates: factors on the channels of each image, as squeeze-and-excitation makes
// them, or on each image, as stochastic depth does.

namespace skipzoo {

/// Whether the operators of this folder take such a gate of x: (N, C, 1, 1) or
/// (N, 1, 1, 1), on the CPU.
bool is_plain_gate(const torch::Tensor& gate, const torch::Tensor& x);

/// The gate's factors on x, (N, C), of that type; null for none.
torch::Tensor rows_of_gate(const torch::Tensor& gate, const torch::Tensor& x,
                           at::ScalarType type);

/// The mean of norm(x) over each image, (N, C, 1, 1), of x's type, without
/// norm(x) itself: what a gate that depends on it is made of. Differentiable in
/// x and in the norm's weight and bias.
///
/// x: as is_plain_input() takes it. plan: norm's, of x.
torch::Tensor means_of_norm(const torch::Tensor& x,
                            const torch::nn::BatchNorm2dImpl& norm,
                            const NormPlan& plan);

/// gate * x + residual, then a ReLU where `relu` says so, in one pass; not
/// differentiable.
///
/// x, residual: (N, C, H, W), of the same type; residual may be null.
torch::Tensor gated_sum(const torch::Tensor& x, const torch::Tensor& gate,
                        const torch::Tensor& residual, bool relu);

}  // namespace skipzoo
