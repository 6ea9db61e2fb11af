#pragma once

#include "models/kernels/cuda/batch_norm.h"

// BatchNorm, ReLU and max pooling of 3x3 with stride 2 and a border of one, by
// the kernels of batch_norm_pool.cu. Tensors as in batch_norm.h, of whole packs
// of channels.

namespace skipzoo {

/// max_pool2d(relu(scale * (x - mean) + bias), 3, 2, 1).
struct NormalisedPool {
  torch::Tensor y;
  torch::Tensor taps;  ///< A byte for each of y, as it lies; null for none.
};
/// numbers: (4, C), as of batch_numbers(). with_taps: for the backward pass.
NormalisedPool normalised_pool(CudaKernels& kernels, const torch::Tensor& x,
                               const torch::Tensor& numbers, bool with_taps);

struct NormPoolBackward {
  torch::Tensor x, taps, numbers;  ///< As in the forward pass.
  bool training = false;           ///< Whether the numbers are the batch's own.
};
/// dy: as y, of any layout.
NormGradients norm_pool_gradients(CudaKernels& kernels, const torch::Tensor& dy,
                                  const NormPoolBackward& saved,
                                  NormWants wants);

}  // namespace skipzoo
