#pragma once

#include <torch/nn.h>

#include "models/kernels/blocking/padding.h"
#include "models/kernels/kernels.h"

namespace skipzoo {

/// conv(x), by Winograd's F(4x4, 3x3) where that is faster: on the CPU,
/// channels-last, 3x3 with a border of one, stride 1 and one group, images and
/// channels enough. Small planes of many images and strides go by products of
/// matrices (implicit_gemm.h), groups of few channels by loops of their own
/// (grouped_convolution.h). In bfloat16 that is computed in float32
/// (winograd.h), so under autocast the weight is not rounded. So are under
/// autocast other convolutions of bfloat16 that LibTorch is slow at:
/// convolution_in_float().
torch::Tensor convolution(const torch::Tensor& x, torch::nn::Conv2d& conv,
                          Kernels kernels, const ExtraPadding& extra = {});
/// The same without conv's bias.
torch::Tensor convolution_without_bias(const torch::Tensor& x,
                                       torch::nn::Conv2d& conv,
                                       const ExtraPadding& extra = {});

/// Images of one channel, which are of either layout, as channels-last ones, a
/// view; any others as they are. LibTorch answers in the layout that strides
/// suggest.
torch::Tensor as_channels_last(const torch::Tensor& x);

/// Every stride-th pixel of every stride-th row: a view.
inline torch::Tensor every_pixel(const torch::Tensor& x, int64_t stride) {
  return stride == 1 ? x : x.slice(2, 0, {}, stride).slice(3, 0, {}, stride);
}

/// conv(images), which are of bfloat16 as the result is and conv of float: what
/// convolution() does where LibTorch would take ten times longer
/// (convolves_bfloat16() in autocast.h). What is saved for the backward pass is
/// of bfloat16 too. (N, C, H, W), padded with zeros, by numbers.
torch::Tensor convolution_in_float(const torch::Tensor& images,
                                   const torch::nn::Conv2dImpl& conv);

}  // namespace skipzoo
