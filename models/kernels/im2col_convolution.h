#pragma once

#include <torch/types.h>

#include <optional>
#include <vector>

#include "models/kernels/allocate.h"
#include "models/kernels/blocks.h"
#include "models/kernels/padding.h"

namespace skipzoo {

/// A convolution of few pixels as one product of matrices: the pixels that each
/// kernel covers are copied to a row (im2col). Threads share the output's
/// channels, so that each reads a part of the weight, once and from its first
/// to its last byte: with few pixels that is most of the time.
///
/// float32, channels-last, one group, no dilation. Its weight is packed once
/// and its buffers are reused: not by two threads at once.
class Im2colConvolution {
 public:
  /// weight: (out, in, height, width); bias: (out); stride: of both axes;
  /// padding: all of it.
  Im2colConvolution(const torch::Tensor& weight, const torch::Tensor& bias,
                    int64_t stride, const ExtraPadding& padding);

  /// Whether it is likely to be faster on images (N, C, H, W) than others are.
  static bool suits(at::IntArrayRef images, at::IntArrayRef weight,
                    int64_t stride, const ExtraPadding& padding);
  /// conv(images) + bias, and a ReLU of that.
  torch::Tensor operator()(const torch::Tensor& images, bool relu,
                           Allocate allocate = allocate_images);
  /// conv(images) + bias + other, and a ReLU of that; replaces `other`.
  torch::Tensor add_to(torch::Tensor other, const torch::Tensor& images,
                       bool relu);

 private:
  void prepare(const torch::Tensor& images);
  void gather(const float* images);
  void run(const torch::Tensor& images, const float* residual, bool relu,
           float* out);
  void multiply(int64_t panel, const float* residual, bool relu,
                float* out) const;

  int64_t in_, out_, stride_;
  ImageSize kernel_;
  ExtraPadding padding_;
  PackedMatrices<float> panels_;  ///< Of gemm::kColumns output channels each.
  torch::Tensor bias_;
  /// What follows is for images of this size.
  at::DimVector sizes_ = {};
  ImageSize to_ = {};
  int64_t pixels_ = 0;  ///< Of all images of the result.
  /// Part of an image that is copied to a row.
  struct Piece {
    int64_t from, to, count;
  };
  std::vector<Piece> pieces_ = {};
  std::optional<Scratch<float>> rows_ = {};  ///< The left matrix.
};

}  // namespace skipzoo
