#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "models/kernels/blocking/allocate.h"
#include "models/kernels/blocking/padding.h"
#include "models/kernels/blocking/scratch_pool.h"
#include "models/kernels/verdict.h"

namespace skipzoo {

/// A 3x3 convolution, its bias and a ReLU for so little work that what an
/// operator of LibTorch costs before it computes would be most of the time: one
/// image of a small network. Its weight is packed once and its buffers reused.
///
/// Groups of few channels are too narrow for oneDNN's blocks at any size of the
/// work: as many as fill a vector are one convolution here, whose weight is
/// block-diagonal, or a wide one is by itself.
///
/// float32 or bfloat16, channels-last, with at most one row and column of zeros
/// at each side.
class SmallConvolution {
 public:
  /// weight: (out, in, 3, 3), of the type of the images; bias: (out); stride:
  /// of both axes. padding: ones, or with a stride zeros and ones. groups: with
  /// more than one, in is of a group, and groups_of_part() divides them.
  SmallConvolution(const torch::Tensor& weight, const torch::Tensor& bias,
                   int64_t stride, const ExtraPadding& padding,
                   std::shared_ptr<ScratchPool> scratch = nullptr,
                   int64_t groups = 1);
  ~SmallConvolution();

  /// Whether it is likely to be faster on these images than oneDNN. out,
  /// stride: the weight's channels and the stride of both axes.
  static Verdict suits(const torch::Tensor& images, int64_t out,
                       int64_t stride);
  /// Groups of so many channels each that are one convolution, or none.
  static std::optional<int64_t> groups_of_part(int64_t channels);
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
