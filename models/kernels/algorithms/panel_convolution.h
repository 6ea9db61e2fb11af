#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>

#include "models/kernels/blocking/allocate.h"
#include "models/kernels/blocking/padding.h"
#include "models/kernels/blocking/scratch_pool.h"
#include "models/kernels/verdict.h"

namespace skipzoo {

/// A direct convolution of one image or a few, its bias and a ReLU, whose
/// threads share the weight out as well as the pixels: a weight that no core's
/// L2 holds is read once by all of them together. Images are copied to where
/// they have a border of zeros, in which the pixels that a row of a kernel
/// covers are beside each other.
///
/// float32 or bfloat16, channels-last, one group.
class PanelConvolution {
 public:
  /// weight: (out, in, height, width), of the type of the images; bias: (out);
  /// stride: of both axes. padding: nowhere negative.
  PanelConvolution(const torch::Tensor& weight, const torch::Tensor& bias,
                   int64_t stride, const ExtraPadding& padding,
                   std::shared_ptr<ScratchPool> scratch = nullptr);
  ~PanelConvolution();

  /// Whether it is likely to be faster than oneDNN. images: (N, C, H, W);
  /// weight: as in the constructor.
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
