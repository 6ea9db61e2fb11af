#pragma once

#include <torch/types.h>

#include <memory>

#include "models/kernels/blocking/allocate.h"
#include "models/kernels/blocking/padding.h"
#include "models/kernels/verdict.h"

namespace skipzoo {

/// A convolution of few pixels as one product of matrices: the pixels that each
/// kernel covers are copied to a row (im2col), but for those of a 1x1 kernel
/// without a stride, which are read where they lie. Threads share the pixels,
/// or the output's channels where the weight is larger, so that each reads a
/// part of it, once and from its first to its last byte: with few pixels that
/// is most of the time.
///
/// float32 or bfloat16, channels-last, one group, no dilation. Its weight is
/// packed once and its buffers are reused: not by two threads at once.
class Im2colConvolution {
 public:
  /// weight: (out, in, height, width), of the type of the images; bias: (out);
  /// stride: of both axes; padding: all of it.
  Im2colConvolution(const torch::Tensor& weight, const torch::Tensor& bias,
                    int64_t stride, const ExtraPadding& padding);
  ~Im2colConvolution();

  /// Whether it is likely to be faster on images (N, C, H, W) than others are.
  static Verdict suits(at::IntArrayRef images, at::IntArrayRef weight,
                       int64_t stride, const ExtraPadding& padding);
  /// conv(images) + bias, and a ReLU of that.
  torch::Tensor operator()(const torch::Tensor& images, bool relu,
                           Allocate allocate = allocate_images);
  /// conv(images) + bias + other, and a ReLU of that; replaces `other`.
  torch::Tensor add_to(torch::Tensor other, const torch::Tensor& images,
                       bool relu);

 private:
  struct Ready;
  template <typename T>
  struct ReadyFor;

  std::unique_ptr<Ready> ready_;
};

}  // namespace skipzoo
