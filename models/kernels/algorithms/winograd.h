#pragma once

#include <functional>

#include "models/kernels/blocking/blocks.h"

// 3x3 convolutions with a quarter of the multiplications: Winograd's F(4x4,
// 3x3) (Lavin & Gray 2015, arXiv:1509.09308). Channels-last data of float,
// double or bfloat16 with a border of zeros, stride 1, one group.
//
// Transforms, products and sums are in the accumulation type. In float32 the
// result is within 2e-6 of its norm (a direct sum within 3e-7), the weight's
// gradient, whose sums are longer, within 1e-5; bfloat16 data give less error
// than a direct convolution, which rounds the weights as well.

namespace skipzoo {

constexpr int64_t kTileElements = 36;  ///< 6x6, in the Winograd domain.

/// What a 3x3 convolution has to do.
struct ConvolutionWork {
  int64_t images;
  ImageSize size;
  int64_t in, out;
  at::ScalarType type;
  bool packed = false;  ///< The weight is, once for many runs.
};

/// A weight in the Winograd domain: for each element of a tile a matrix (in,
/// out), the right operand of a product, packed by panels of columns.
template <typename A>
class WinogradWeight {
 public:
  static constexpr int64_t kPanel = 32;

  /// weight: (out, in, 3, 3), of any type. backward: for the input's gradient,
  /// turned by 180 degrees with in and out exchanged.
  WinogradWeight(const torch::Tensor& weight, bool backward);

  int64_t in() const { return in_; }
  int64_t out() const { return out_; }
  int64_t panels() const { return (padded_out() + kPanel - 1) / kPanel; }
  /// Columns of a panel, with padding.
  int64_t columns(int64_t panel) const {
    return std::min(kPanel, padded_out() - panel * kPanel);
  }
  const A* at(int64_t panel, int64_t element) const {
    return data_.data() +
           (kTileElements * panel * kPanel + element * columns(panel)) * in_;
  }

 private:
  struct Source;
  int64_t padded_out() const { return gemm::padded(out_, gemm::kColumns); }
  void transform(const Source& source, int64_t panel, int64_t row);

  int64_t in_, out_;
  Scratch<A> data_;
};

/// Where the result goes, and the epilogue: what is made of it on the way.
struct WinogradResult {
  torch::Tensor rows;  ///< Of all out channels; of the input's type.
  /// (out), of the accumulation type: y + bias. Null: y itself.
  torch::Tensor bias = {};
  /// With a bias: y + bias + residual. As rows, which it may be.
  torch::Tensor residual = {};
  bool relu = true;  ///< With a bias: a ReLU of that.
  /// Called on any thread once these pixels, those of a strip of images, are
  /// there. May be null.
  std::function<void(int64_t strip, int64_t pixel, int64_t count)> finish = {};
};
int64_t winograd_strips(int64_t pixels, const ImageSize& size);

/// input * weight.
template <typename T>
void winograd_convolution(const ActivatedInput& input, const ImageSize& size,
                          const WinogradWeight<rows::Acc<T>>& weight,
                          const WinogradResult& result);

/// The gradient of the weight, (out, in, 3, 3), of the accumulation type.
/// dy: rows of all out channels, of the input's type.
torch::Tensor winograd_weight_gradient(const ActivatedInput& input,
                                       const ImageSize& size,
                                       const torch::Tensor& dy);

}  // namespace skipzoo
