#pragma once

#include "models/kernels/blocking/allocate.h"
#include "models/kernels/blocking/blocks.h"
#include "models/kernels/blocking/padding.h"
#include "models/kernels/verdict.h"

// Convolutions as products of matrices that are never written out (implicit
// GEMM): for an output pixel, the rows of the left matrix are the images, its
// columns the channels of the pixels that the kernel covers there. Taps that
// lie in the padding are left out. For planes so small that a row of pixels is
// no row worth a product, for strides, and for padding that is uneven.

namespace skipzoo {

/// A convolution of one group without dilation. in, out: sizes of the planes;
/// what lies outside of `in` is zero.
struct ConvolutionShape {
  int64_t images;
  int64_t channels, outputs;
  ImageSize in, out;
  ImageSize kernel;
  int64_t stride;
  int64_t top, left;  ///< Rows and columns of padding before the first pixel.
};

/// A convolution as LibTorch has it.
struct ConvolutionOptions {
  at::IntArrayRef padding, stride, dilation;
  int64_t groups;
  ExtraPadding extra = {};
};
/// Of images of that type, (N, C, H, W), and a weight, (out, in, kernel); none
/// where implicit_gemm() does not take them or is not likely to be faster than
/// LibTorch.
Offer<ConvolutionShape> implicit_gemm_shape(at::IntArrayRef images,
                                            at::IntArrayRef weight,
                                            at::ScalarType type,
                                            const ConvolutionOptions& options);

/// A weight, (out, in, kernel), packed for implicit_gemm() on images of `type`.
PackedWeight pack_kernel_rows(const torch::Tensor& weight, at::ScalarType type);

/// Where the result goes, and what is made of it on the way.
struct ImplicitGemmResult {
  torch::Tensor images;     ///< (N, out, H, W), channels-last, of x's type.
  torch::Tensor bias = {};  ///< (out), of the accumulation type, or null.
  /// With a bias: as images, which it may be; added. Null for none.
  torch::Tensor residual = {};
  bool relu = false;  ///< With a bias: a ReLU of that.
};

/// conv(x) + bias + residual. x: (N, C, H, W), channels-last, of float, double,
/// or bfloat16 with an even number of channels here and in the result.
void implicit_gemm(const torch::Tensor& x, const PackedWeight& weight,
                   const ConvolutionShape& shape,
                   const ImplicitGemmResult& result);
/// An empty result of x's type.
torch::Tensor empty_result(const torch::Tensor& x,
                           const ConvolutionShape& shape,
                           Allocate allocate = allocate_images);
/// The gradient of x, given that of the result, which is channels-last.
torch::Tensor implicit_gemm_input_gradient(const torch::Tensor& dy,
                                           const torch::Tensor& weight,
                                           const ConvolutionShape& shape);
/// The gradient of the weight, (out, in, kernel), channels-last, of the
/// accumulation type.
torch::Tensor implicit_gemm_weight_gradient(const torch::Tensor& x,
                                            const torch::Tensor& dy,
                                            const ConvolutionShape& shape);

}  // namespace skipzoo
