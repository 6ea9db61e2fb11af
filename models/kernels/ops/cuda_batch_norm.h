#pragma once

#include "models/kernels/cuda/kernels.h"
#include "models/kernels/ops/batch_norm.h"

namespace skipzoo {

/// Whether cuda_batch_norm() takes x, on whichever device: channels-last
/// float32, bfloat16 or float16 with a norm of float32, or float64 with one of
/// float64; no gate, no trace, no statistics of several processes.
Verdict suits_cuda_batch_norm(const torch::Tensor& x,
                              const torch::nn::BatchNorm2dImpl& norm,
                              const Epilogue& epilogue);

/// The parts of it: of the images alone, and of a norm that is to read them.
Verdict suits_cuda_images(const torch::Tensor& x);
Verdict suits_cuda_norm(const torch::nn::BatchNorm2dImpl& norm,
                        const torch::Tensor& x);

/// Kernels that take x, on the GPU that it is on, or why there are none.
Offer<CudaKernelsPtr> cuda_kernels_for(const torch::Tensor& x,
                                       const torch::nn::BatchNorm2dImpl& norm,
                                       const Epilogue& epilogue);

/// relu(norm(x) + residual), as batch_norm(): one pass over x for its moments
/// and one to write, forward; two backward. Saved for the backward pass are x
/// and, behind a ReLU, a bit for each element. Nothing waits for the device,
/// and all memory is LibTorch's: a CUDA graph can record it.
torch::Tensor cuda_batch_norm(const CudaKernelsPtr& kernels,
                              const torch::Tensor& x,
                              torch::nn::BatchNorm2d& norm,
                              const Epilogue& epilogue);

}  // namespace skipzoo
