#pragma once

#include <torch/types.h>

#include <optional>
#include <string>
#include <vector>

#include "models/kernels/blocks.h"

// The operators that a network in evaluation is made of.

namespace skipzoo {

/// A convolution whose weight is packed for this processor when it first runs:
/// by oneDNN, as torch.compile calls it.
class PackedConvolution {
 public:
  struct Shape {
    std::vector<int64_t> padding, stride, dilation;
    int64_t groups = 1;
  };
  /// weight and bias (or null) of the type that it computes in.
  PackedConvolution(torch::Tensor weight, torch::Tensor bias, Shape shape);

  /// conv(x) + bias, then a ReLU where `relu` says so.
  torch::Tensor operator()(const torch::Tensor& x, bool relu);
  /// The same, added to `other`, which it replaces, before the ReLU.
  torch::Tensor add_to(torch::Tensor other, const torch::Tensor& x, bool relu);

 private:
  void pack(const torch::Tensor& x);

  torch::Tensor weight_, bias_;
  torch::Tensor packed_;  ///< Null before the first run.
  Shape shape_;
};

/// Channels-last images, or the first channels of wider ones, as rows of
/// pixels, without a copy.
torch::Tensor rows_of(const torch::Tensor& images);

/// relu(scale * x + offset), channels-last, in memory of its own.
/// scale, offset: (channels), of the type of sums.
torch::Tensor affine_relu(const torch::Tensor& images,
                          const torch::Tensor& scale,
                          const torch::Tensor& offset);

/// Copies images to the channels from `channel` on of wider ones.
void copy_channels(const torch::Tensor& images, const torch::Tensor& wider,
                   int64_t channel);

}  // namespace skipzoo
