#pragma once

#include <torch/nn.h>

#include "models/kernels/cuda/kernels.h"

// BatchNorm with its residual and ReLU by the kernels of batch_norm.cu. Tensors
// are channels-last (N, C, H, W), of float32, bfloat16 or float16, or, for
// tests, float64; per-channel numbers of the type that these are summed in,
// which a norm's parameters have to be of.

namespace skipzoo {

/// Mean, inverse deviation, scale and bias of each channel, (4, C), of a batch.
/// Moves norm's running statistics towards it, as torch::batch_norm does.
torch::Tensor batch_numbers(CudaKernels& kernels, const torch::Tensor& x,
                            torch::nn::BatchNorm2dImpl& norm);
/// The same of a norm's running statistics, by LibTorch's operators.
torch::Tensor running_numbers(const torch::nn::BatchNorm2dImpl& norm);
/// The batch's where norm is in training, else the running ones; not recorded
/// by autograd.
torch::Tensor numbers_of(CudaKernels& kernels, const torch::Tensor& x,
                         torch::nn::BatchNorm2dImpl& norm);

/// y = scale * (x - mean) + bias + residual, then a ReLU where that is wanted.
struct Normalised {
  torch::Tensor y;
  torch::Tensor mask;  ///< A bit an element, (bytes); null for none.
};
struct NormalisedAs {
  bool relu = false;
  bool with_mask = false;  ///< Where the ReLU let through is to be known.
};
/// residual: null for none.
Normalised normalised(CudaKernels& kernels, const torch::Tensor& x,
                      const torch::Tensor& numbers,
                      const torch::Tensor& residual, NormalisedAs as);

struct NormBackward {
  torch::Tensor x, mask, numbers;  ///< As in the forward pass.
  bool training = false;           ///< Whether the numbers are the batch's own.
};
struct NormGradients {
  torch::Tensor x, weight, bias;
  torch::Tensor residual;
};
/// Who asks for one. Of frozen norms nobody but x: there nothing is summed.
struct NormWants {
  bool x = false, weight_or_bias = false, residual = false;
};
/// dy: of any layout.
NormGradients norm_gradients(CudaKernels& kernels, const torch::Tensor& dy,
                             const NormBackward& saved, NormWants wants);

}  // namespace skipzoo
