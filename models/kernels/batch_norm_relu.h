#pragma once

#include <torch/nn.h>

#include "models/kernels/kernels.h"

namespace skipzoo {

/// relu(norm(x) + residual), or relu(norm(x)) without a residual.
///
/// Fused: one pass over x for the statistics and one to write, forward; two
/// backward, from x and the output: neither norm(x) nor the sum is saved, nor a
/// mask. For channels-last float32, float64 and bfloat16 on the CPU; anything
/// else, and a trace, takes the reference path. Statistics are summed over
/// blocks of a fixed number of pixels: results do not depend on the number of
/// threads.
///
/// x: (N, C, H, W). residual: as x. Moves norm's statistics as norm itself
/// does.
torch::Tensor batch_norm_relu(const torch::Tensor& x,
                              torch::nn::BatchNorm2d& norm,
                              const torch::Tensor& residual, Kernels kernels);

}  // namespace skipzoo
