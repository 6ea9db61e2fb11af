#pragma once

#include <torch/nn.h>

#include <functional>

#include "models/kernels/kernels.h"

namespace skipzoo {

/// What follows a BatchNorm in the same pass: y = norm(x) * gate + residual,
/// then a ReLU.
struct Epilogue {
  /// Makes a gate of norm(x)'s mean over each image, (N, C, 1, 1), and of that
  /// shape, as a squeeze-and-excitation block does; empty for none. It and
  /// `gate` multiply.
  std::function<torch::Tensor(const torch::Tensor& means)> gate_of = {};
  /// A factor on each channel of each image, (N, C, 1, 1), as of a
  /// squeeze-and-excitation block, or on each image, (N, 1, 1, 1), as of
  /// stochastic depth; null for none.
  torch::Tensor gate = {};
  torch::Tensor residual = {};  ///< As x; null for none.
  bool relu = false;
};

/// A BatchNorm and its epilogue, differentiable in all of them.
///
/// Fused: one pass over x for the statistics and one to write, forward; two
/// backward. Saved for the backward pass are x and, where a ReLU stands behind
/// a gate or residual, the output; neither norm(x) nor the sum, nor a mask. For
/// channels-last float32, float64 and bfloat16 on the CPU, on a GPU see
/// cuda_batch_norm(); anything else, and a trace, takes the reference path.
/// Statistics are summed over blocks of a
/// fixed number of pixels: results do not depend on the number of threads.
///
/// x: (N, C, H, W). bias: (C), of the convolution that gave x, which left it
/// out: norm(x + bias), without a pass over x for that; null for none. In
/// training it moves the running mean alone, and its gradient is zero. Moves
/// norm's statistics as norm itself does.
torch::Tensor batch_norm(const torch::Tensor& x, torch::nn::BatchNorm2d& norm,
                         const Epilogue& epilogue, Kernels kernels,
                         const torch::Tensor& bias = {});

}  // namespace skipzoo
