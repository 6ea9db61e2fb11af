#pragma once

#include "models/kernels/algorithms/winograd.h"

// 3x3 convolutions of channels-last data with a border of zeros, stride 1, one
// group: float, double or bfloat16.

namespace skipzoo {

/// A weight, packed for the direct algorithm or for Winograd's when that first
/// runs.
class Conv3x3Weight {
 public:
  /// weight: (out channels, channels, 3, 3), of any type. is_reused: it is for
  /// many runs.
  Conv3x3Weight(torch::Tensor weight, bool is_reused);

  const torch::Tensor& tensor() const { return weight_; }
  bool is_reused() const { return is_reused_; }
  template <typename T>
  const PackedMatrices<T>& taps();
  template <typename A>
  const WinogradWeight<A>& winograd();

 private:
  torch::Tensor weight_;
  bool is_reused_;
  std::optional<PackedWeight> taps_;
  std::variant<std::monostate, WinogradWeight<float>, WinogradWeight<double>>
      winograd_;
};

/// out = input * weight, or relu(that + bias) with a bias (out channels, of the
/// accumulation type). out: rows of all out channels.
void conv3x3(const ActivatedInput& input, const ImageSize& size,
             Conv3x3Weight& weight, const torch::Tensor& bias,
             const torch::Tensor& out);

/// Where the gradient of what a convolution reads goes: g itself, before the
/// ReLU left some of it out, to `rows` (of all channels, of the input's type),
/// or scale * g to `total` (rows as the input's, of the accumulation type), to
/// which it is added. The other is null.
struct GradientTarget {
  torch::Tensor rows;
  torch::Tensor total;
};

/// The backward pass. dy: rows of all out channels, of the input's type. mean:
/// (channels), of the accumulation type.
/// weight: as Conv3x3Weight takes it.
ConvolutionGradient conv3x3_backward(
    const ActivatedInput& input, const torch::Tensor& mean,
    const ImageSize& size, const torch::Tensor& dy, const torch::Tensor& weight,
    const GradientTarget& target, bool with_weight);

}  // namespace skipzoo
