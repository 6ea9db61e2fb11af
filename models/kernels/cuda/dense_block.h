#pragma once

#include <torch/nn.h>

#include "models/kernels/cuda/kernels.h"

// A dense block's one buffer on a GPU, by the kernels of dense_block.cu:
// features, (N, C, H, W), channels-last, of all layers, and moments, (2, C),
// the mean and variance of each channel, of the accumulation type.

namespace skipzoo {

/// Whether the kernels read and write `count` channels among `channels`.
Verdict suits_dense_columns(int64_t count, int64_t channels, int64_t pixels);

/// Writes images as the channels from `first` on, and their moments; null
/// moments: none.
void put_features(CudaKernels& kernels, const torch::Tensor& images,
                  int64_t first, const torch::Tensor& features,
                  const torch::Tensor& moments);

/// What batch_numbers() gives, of as many channels as the norm has, without a
/// pass over them.
torch::Tensor dense_numbers(CudaKernels& kernels, const torch::Tensor& moments,
                            int64_t pixels, torch::nn::BatchNorm2dImpl& norm);

/// relu(norm(x)) of the channels that numbers, (4, C), are of.
torch::Tensor dense_activated(CudaKernels& kernels,
                              const torch::Tensor& features,
                              const torch::Tensor& numbers);

/// The gradient of the buffer so far.
struct DenseTotal {
  torch::Tensor direct;   ///< As the features.
  torch::Tensor through;  ///< What goes through the moments, (2, C).
};
/// Adds what comes back through dense_activated(), da. Returns the gradients of
/// the norm's weight and bias. training: whether numbers are of the moments.
std::pair<torch::Tensor, torch::Tensor> add_dense_gradient(
    CudaKernels& kernels, const torch::Tensor& da,
    const torch::Tensor& features, const torch::Tensor& numbers, bool training,
    const DenseTotal& total);
/// The whole gradient of some channels, once all that read them were added.
torch::Tensor dense_gradient_of(CudaKernels& kernels, const DenseTotal& total,
                                const torch::Tensor& features,
                                const torch::Tensor& moments, int64_t first,
                                int64_t count);

}  // namespace skipzoo
