#pragma once

#include <torch/nn.h>

namespace skipzoo {

/// Mean and biased variance of each channel: (C), double.
struct Moments {
  torch::Tensor mean;
  torch::Tensor variance;
};
/// Of channels-last data (N, C, H, W): float, double or bfloat16 on the CPU.
Moments moments_of(const torch::Tensor& x);
/// Of rows of pixels, (pixels, C), one maybe some way behind the other.
Moments moments_of_rows(const torch::Tensor& rows);
/// Of the sums Σ (x - shift) and Σ (x - shift)² over `count` pixels, (C),
/// double; shift: (C), of any type.
Moments moments_of_sums(const torch::Tensor& sum, const torch::Tensor& squares,
                        const torch::Tensor& shift, int64_t count);

/// What a BatchNorm makes of its input, scale * x + offset, and what its
/// backward pass needs (Ioffe & Szegedy 2015, arXiv:1502.03167, section 3).
/// (C), double.
struct NormPlan {
  torch::Tensor mean;
  torch::Tensor inverse;  ///< 1 / sqrt(variance + eps).
  torch::Tensor scale;    ///< weight * inverse.
  torch::Tensor offset;   ///< bias - mean * scale.
  bool training = false;  ///< Whether mean and inverse are the batch's own.
};

/// norm in training: of the batch's moments, over `count` pixels, towards which
/// it moves its running ones as torch::batch_norm does. Else of the running
/// ones; batch is not read.
NormPlan plan_norm(torch::nn::BatchNorm2dImpl& norm, const Moments& batch,
                   int64_t count);

/// How a gradient goes on through the statistics of a batch:
/// dx = scale * g + slope * (x - mean) + offset; zeros where they are not the
/// batch's. sum: Σ g, product: Σ g (x - mean). All (C), double.
struct NormGradient {
  torch::Tensor slope;
  torch::Tensor offset;
};
NormGradient through_statistics(const NormPlan& plan, const torch::Tensor& sum,
                                const torch::Tensor& product, int64_t count);

/// Whether the operators of this folder can stand for `norm`.
bool is_plain_norm(const torch::nn::BatchNorm2dImpl& norm);
/// Whether they take x: (N, C, H, W), channels-last, on the CPU, of a type they
/// know, with more than one pixel.
bool is_plain_input(const torch::Tensor& x);

}  // namespace skipzoo
