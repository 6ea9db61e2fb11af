#pragma once

#include <torch/nn.h>

namespace skipzoo {

/// norm(x) in training, with the statistics of all processes' pictures, by
/// LibTorch's operators: of any type and device, also of no pictures. While
/// SharedStatistics lives. x: (N, C, H, W). Moves norm's running statistics.
torch::Tensor shared_batch_norm(const torch::Tensor& x,
                                torch::nn::BatchNorm2dImpl& norm);

}  // namespace skipzoo
