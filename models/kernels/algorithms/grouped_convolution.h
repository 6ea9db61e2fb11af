#pragma once

#include "models/kernels/algorithms/implicit_gemm.h"
#include "models/kernels/blocking/allocate.h"
#include "models/kernels/blocking/blocks.h"
#include "models/kernels/verdict.h"

// 3x3 convolutions in groups of few channels, as ResNeXt and Dual Path Networks
// have them: too narrow for a product of matrices to fill a vector with. Here a
// vector is eight channels of a pixel, which may be two groups of four.

namespace skipzoo {

/// 3x3 with a border of one and no dilation, as many channels out of a group as
/// into it.
struct GroupedShape {
  int64_t images, channels;
  int64_t group;  ///< Channels of one.
  int64_t stride;
  ImageSize in, out;
};
/// Of images of that type, (N, C, H, W), and a weight, (out, in of a group,
/// kernel); none where grouped_convolution() does not take them or is not
/// likely to be faster than LibTorch.
Offer<GroupedShape> grouped_shape(at::IntArrayRef images,
                                  at::IntArrayRef weight, at::ScalarType type,
                                  const ConvolutionOptions& options);

/// A weight, (out, in of a group, 3, 3), as grouped_convolution() reads it.
torch::Tensor pack_grouped_weight(const torch::Tensor& weight);

/// conv(x) + bias + residual. x: (N, C, H, W), channels-last, of float; packed:
/// of pack_grouped_weight().
void grouped_convolution(const torch::Tensor& x, const torch::Tensor& packed,
                         const GroupedShape& shape,
                         const ImplicitGemmResult& result);
/// An empty result of x's type.
torch::Tensor empty_result(const torch::Tensor& x, const GroupedShape& shape,
                           Allocate allocate = allocate_images);
/// The gradient of x, given that of the result, which is channels-last.
torch::Tensor grouped_input_gradient(const torch::Tensor& dy,
                                     const torch::Tensor& weight,
                                     const GroupedShape& shape);
/// The gradient of the weight, as the weight.
torch::Tensor grouped_weight_gradient(const torch::Tensor& x,
                                      const torch::Tensor& dy,
                                      const GroupedShape& shape);

}  // namespace skipzoo
