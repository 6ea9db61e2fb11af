#pragma once

#include "models/kernels/cuda/kernels.h"
#include "models/kernels/ops/batch_norm.h"

namespace skipzoo {

/// max_pool2d(relu(norm(x)), 3, stride 2, padding 1), as ResNets and DenseNets
/// begin, differentiable in all of them. x: (N, C, H, W) to (N, C, ⌈H/2⌉,
/// ⌈W/2⌉). Where cuda_batch_norm_pool() takes it one operator; else
/// batch_norm() and LibTorch's pooling.
torch::Tensor batch_norm_pool(const torch::Tensor& x,
                              torch::nn::BatchNorm2d& norm, Kernels kernels);

/// Whether cuda_batch_norm_pool() takes x, on whichever device: as
/// suits_cuda_batch_norm(), of channels that are multiples of eight.
Verdict suits_cuda_batch_norm_pool(const torch::Tensor& x,
                                   const torch::nn::BatchNorm2dImpl& norm);

/// batch_norm_pool() on a GPU, without norm(x), which is four times as large as
/// what is left of it: x is read for its moments and for the maxima. Saved for
/// the backward pass are x and a byte for each element of the result.
torch::Tensor cuda_batch_norm_pool(const CudaKernelsPtr& kernels,
                                   const torch::Tensor& x,
                                   torch::nn::BatchNorm2d& norm);

}  // namespace skipzoo
