#pragma once

#include <torch/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/kernels/algorithms/conv3x3.h"
#include "models/kernels/algorithms/grouped_convolution.h"
#include "models/kernels/algorithms/im2col_convolution.h"
#include "models/kernels/algorithms/implicit_gemm.h"
#include "models/kernels/algorithms/small_convolution.h"
#include "models/kernels/blocking/allocate.h"

// The operators that a network in evaluation is made of.

namespace skipzoo {

/// A convolution whose weight is packed for this processor when it first runs:
/// by oneDNN, as torch.compile calls it, or by our own for few pixels, for
/// small images, for groups of few channels and where Winograd's algorithm is
/// faster. Of bfloat16 in float
/// where LibTorch refuses it (convolves_bfloat16() in autocast.h).
class PackedConvolution {
 public:
  struct Shape {
    std::vector<int64_t> padding, stride, dilation;
    int64_t groups = 1;
    ExtraPadding extra = {};
  };
  /// weight and bias (or null) of the type of the images.
  PackedConvolution(torch::Tensor weight, torch::Tensor bias, Shape shape);

  /// conv(x) + bias, then a ReLU where `relu` says so. oneDNN allocates itself.
  torch::Tensor operator()(const torch::Tensor& x, bool relu,
                           Allocate allocate = allocate_images);
  /// The same, added to `other` before the ReLU; may overwrite that.
  torch::Tensor add_to(torch::Tensor other, const torch::Tensor& x, bool relu);

 private:
  /// x of the weight's type, not by Winograd's algorithm.
  torch::Tensor run(const torch::Tensor& x, bool relu, Allocate allocate);
  void run_onto(torch::Tensor other, const torch::Tensor& x, bool relu);
  /// x: as oneDNN gets it; images: without extra padding.
  void pack(const torch::Tensor& x, at::IntArrayRef images);
  bool is_small(const torch::Tensor& x);
  /// Whether Im2colConvolution takes x.
  bool is_of_few_pixels(const torch::Tensor& x);
  bool is_of_few_pixels(at::IntArrayRef images) const;
  /// All padding, where it is one group without dilation, of a type that our
  /// own kernels multiply as fast as oneDNN.
  std::optional<ExtraPadding> whole_padding() const;
  std::optional<ExtraPadding> padding_if_small() const;
  bool uses_winograd(const torch::Tensor& x) const;
  ConvolutionOptions options() const;
  /// As implicit_gemm() takes it; none where x is not for that.
  std::optional<ConvolutionShape> gemm_shape(const torch::Tensor& x) const;
  std::optional<ConvolutionShape> gemm_shape(at::IntArrayRef images) const;
  void run_gemm(const torch::Tensor& x, const ConvolutionShape& shape,
                ImplicitGemmResult result);
  /// As grouped_convolution() takes it; none where x is not for that.
  std::optional<GroupedShape> grouped(const torch::Tensor& x) const;
  std::optional<GroupedShape> grouped(at::IntArrayRef images) const;
  void run_grouped(const torch::Tensor& x, const GroupedShape& shape,
                   ImplicitGemmResult result);
  /// Writes to `out`, or adds to it what it is.
  void run_winograd(const torch::Tensor& x, const torch::Tensor& out, bool adds,
                    bool relu);

  at::ScalarType type_;   ///< What it is computed in.
  torch::Tensor weight_;  ///< Null once nothing packs it any more.
  std::vector<int64_t> weight_sizes_;
  torch::Tensor bias_;
  torch::Tensor packed_;  ///< Null before the first run.
  Shape shape_;
  bool is_plain_;  ///< 3x3 with a border of one, one group.
  /// All padding, where Im2colConvolution, and where SmallConvolution, takes
  /// this kind of convolution.
  std::optional<ExtraPadding> whole_padding_, small_padding_;
  std::unique_ptr<Im2colConvolution> im2col_;
  std::unique_ptr<SmallConvolution> small_;
  std::optional<Conv3x3Weight> taps_;
  std::optional<PackedWeight> kernel_rows_;
  torch::Tensor grouped_weight_;  ///< Null before grouped_convolution() ran.
};

/// Channels-last images, or the first channels of wider ones, as rows of
/// pixels, without a copy.
torch::Tensor rows_of(const torch::Tensor& images);
/// The same of `count` channels, from `channel` on, of channels-last images.
torch::Tensor rows_of(const torch::Tensor& images, int64_t channel,
                      int64_t count);

/// relu(scale * x + offset), channels-last.
/// scale, offset: (channels), of the accumulation type.
torch::Tensor affine_relu(const torch::Tensor& images,
                          const torch::Tensor& scale,
                          const torch::Tensor& offset, Allocate allocate);

/// The mean of each channel of each image, (N, C, 1, 1), of images' type.
torch::Tensor global_average_pool(const torch::Tensor& images,
                                  Allocate allocate);

/// Images with channels of zeros before and behind their own, channels-last. Of
/// any strides: those of every second pixel are read as they lie.
torch::Tensor pad_channels(const torch::Tensor& images, int64_t front,
                           int64_t back, Allocate allocate);

/// Copies images to the channels from `channel` on of wider ones.
void copy_channels(const torch::Tensor& images, const torch::Tensor& wider,
                   int64_t channel);

}  // namespace skipzoo
