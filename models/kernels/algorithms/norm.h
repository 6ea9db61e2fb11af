#pragma once

#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn.h>

#include "models/kernels/algorithms/shared_statistics.h"

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
  torch::Tensor inverse;      ///< 1 / sqrt(variance + eps).
  torch::Tensor scale;        ///< weight * inverse.
  torch::Tensor offset;       ///< bias - mean * scale.
  bool training = false;      ///< Whether mean and inverse are the batch's own.
  int64_t count = 0;          ///< Pixels that they are of; of all processes.
  StatisticsSumPtr all = {};  ///< Where they are of all processes' pictures.

  /// What is no tensor, for a backward pass.
  void save_to(torch::autograd::AutogradContext& context) const;
  /// tensors: mean, inverse, scale and offset, saved beside it.
  static NormPlan saved_in(torch::autograd::AutogradContext& context,
                           const torch::Tensor* tensors);
};

/// The moments of all pictures that a BatchNorm in training is to see, and
/// their number of pixels.
struct SeenMoments {
  Moments moments;
  int64_t count = 0;
};
/// Those of this process, or of all where SharedStatistics lives; own: (C),
/// double, of `count` pixels. norm: one that has the same running mean in each
/// process, from which its deviations are summed.
SeenMoments over_processes(const Moments& own, int64_t count,
                           const torch::nn::BatchNorm2dImpl& norm);
/// As that, of deviations from zero.
SeenMoments over_processes(const Moments& own, int64_t count);

/// norm in training: of the batch's moments, over `count` pixels, towards which
/// it moves its running ones as torch::batch_norm does. Else of the running
/// ones; batch is not read.
NormPlan plan_norm(torch::nn::BatchNorm2dImpl& norm, const Moments& batch,
                   int64_t count);

/// How a gradient goes on through the statistics of a batch:
/// dx = scale * g + slope * (x - mean) + offset; zeros where they are not the
/// batch's. sum: Σ g, product: Σ g (x - mean), of this process. All (C),
/// double.
struct NormGradient {
  torch::Tensor slope;
  torch::Tensor offset;
};
NormGradient through_statistics(const NormPlan& plan, const torch::Tensor& sum,
                                const torch::Tensor& product);
/// The part of it that this process's pictures have: the sum over processes is
/// still to be taken.
NormGradient part_through_statistics(const NormPlan& plan,
                                     const torch::Tensor& sum,
                                     const torch::Tensor& product);

/// Whether the operators of this folder can stand for `norm`.
bool is_plain_norm(const torch::nn::BatchNorm2dImpl& norm);
/// Whether they take x: (N, C, H, W), channels-last, on the CPU, of a type they
/// know, with more than one pixel.
bool is_plain_input(const torch::Tensor& x);

}  // namespace skipzoo
