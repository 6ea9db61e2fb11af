#pragma once

#include <vector>

#include "models/kernels/cuda/kernels.h"
#include "models/kernels/ops/dense_block.h"

namespace skipzoo {

/// Whether cuda_dense_block() takes x, on whichever device: as
/// suits_cuda_batch_norm(), of channels that are multiples of four, without
/// dropout.
Verdict suits_cuda_dense_block(const torch::Tensor& x,
                               const std::vector<DenseLayerParts>& layers,
                               const DenseDropout& dropout);

/// dense_block() on a GPU: kernels of our own around LibTorch's convolutions.
/// All that is kept for the backward pass are the features, and of a layer with
/// a bottleneck what its convolutions exchange. The gradient of the features is
/// added up in their own type, as autograd's is.
torch::Tensor cuda_dense_block(const CudaKernelsPtr& kernels,
                               const torch::Tensor& x,
                               const std::vector<DenseLayerParts>& layers);

}  // namespace skipzoo
