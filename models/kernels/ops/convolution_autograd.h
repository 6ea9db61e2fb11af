#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "models/kernels/algorithms/grouped_convolution.h"
#include "models/kernels/algorithms/implicit_gemm.h"

// Convolutions with their backward passes, for convolution() to choose among.
// bias: (out), of the weight's type; null for none.

namespace skipzoo {

/// A 3x3 convolution as winograd.h takes it. x: channels-last.
torch::Tensor convolve_by_winograd(const torch::Tensor& x,
                                   const torch::Tensor& weight,
                                   const torch::Tensor& bias);
/// As implicit_gemm() takes it.
torch::Tensor convolve_by_implicit_gemm(const torch::Tensor& x,
                                        const torch::Tensor& weight,
                                        const torch::Tensor& bias,
                                        const ConvolutionShape& shape);

/// As grouped_convolution() takes it.
torch::Tensor convolve_in_groups(const torch::Tensor& x,
                                 const torch::Tensor& weight,
                                 const torch::Tensor& bias,
                                 const GroupedShape& shape);

struct FloatConvolutionShape {
  std::vector<int64_t> stride, padding, dilation;
  int64_t groups;
};
/// Of bfloat16 images, by LibTorch in float.
torch::Tensor convolve_in_float(const torch::Tensor& x,
                                const torch::Tensor& weight,
                                const torch::Tensor& bias,
                                const FloatConvolutionShape& shape);

}  // namespace skipzoo
