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
#include "models/kernels/algorithms/panel_convolution.h"
#include "models/kernels/algorithms/small_convolution.h"
#include "models/kernels/blocking/allocate.h"
#include "models/kernels/choice.h"

// The operators that a network in evaluation is made of.

namespace skipzoo {

/// A convolution whose weight is packed for this processor when it first runs:
/// by oneDNN, as torch.compile calls it, or by our own for few pixels, for
/// small images, for groups of few channels and where Winograd's algorithm is
/// faster. Of bfloat16 in float where LibTorch refuses it
/// (convolves_bfloat16() in autocast.h).
class PackedConvolution {
 public:
  struct Shape {
    std::vector<int64_t> padding, stride, dilation;
    int64_t groups = 1;
    ExtraPadding extra = {};
  };
  /// weight and bias (or null) of the type of the images.
  /// scratch: of all convolutions of a network, or null.
  PackedConvolution(torch::Tensor weight, torch::Tensor bias, Shape shape,
                    std::shared_ptr<ScratchPool> scratch = nullptr);

  /// conv(x) + bias, then a ReLU where `relu` says so. oneDNN allocates itself.
  torch::Tensor operator()(const torch::Tensor& x, bool relu,
                           Allocate allocate = allocate_images);
  /// The same, added to `other` before the ReLU; may overwrite that.
  torch::Tensor add_to(torch::Tensor other, const torch::Tensor& x, bool relu);

 private:
  /// How it runs.
  struct Route {
    Algorithm algorithm;
    ConvolutionShape gemm = {};  ///< Of implicit_gemm().
    GroupedShape groups = {};    ///< Of grouped_convolution().
    /// Of the weight's type, for SmallConvolution and oneDNN.
    torch::Tensor images = {};
  };

  // inference_choice.cpp: which algorithm takes x.

  Route choose(const torch::Tensor& x) const;
  Verdict takes_im2col(const torch::Tensor& x) const;
  Verdict takes_winograd(const torch::Tensor& x) const;
  Offer<ConvolutionShape> takes_gemm(const torch::Tensor& x) const;
  Offer<GroupedShape> takes_groups(const torch::Tensor& x) const;
  /// x: of the weight's type.
  Verdict takes_small(const torch::Tensor& x) const;
  Verdict takes_panels(const torch::Tensor& x) const;
  /// Whether an algorithm of one type reads x. is_packed: it has its weight.
  Verdict reads(const torch::Tensor& x, bool is_packed) const;
  /// What takes_im2col(), takes_panels(), takes_gemm() and takes_groups() say
  /// of a size.
  Verdict few_pixels(at::IntArrayRef images) const;
  Verdict panels_suit(at::IntArrayRef images) const;
  Offer<ConvolutionShape> gemm_shape_of(at::IntArrayRef images) const;
  Offer<GroupedShape> grouped_shape_of(at::IntArrayRef images) const;
  ConvolutionOptions options() const;
  /// All padding, where it is without dilation, of a type that our own kernels
  /// multiply as fast as oneDNN.
  Offer<ExtraPadding> whole_padding() const;
  Offer<ExtraPadding> padding_of_one_group() const;
  Offer<ExtraPadding> padding_if_small() const;

  // inference.cpp: what they do.

  /// By oneDNN. x: of the weight's type.
  torch::Tensor run(const torch::Tensor& x, bool relu);
  void run_onto(torch::Tensor other, const torch::Tensor& x, bool relu);
  /// x: as oneDNN gets it; images: without extra padding.
  void pack(const torch::Tensor& x, at::IntArrayRef images);
  Im2colConvolution& im2col();
  SmallConvolution& small();
  PanelConvolution& by_panels();
  void run_gemm(const torch::Tensor& x, const ConvolutionShape& shape,
                ImplicitGemmResult result);
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
  std::shared_ptr<ScratchPool> scratch_;
  Verdict is_plain_;  ///< 3x3 with a border of one, stride 1, one group.
  /// All padding, where Im2colConvolution, and where SmallConvolution, takes
  /// this kind of convolution.
  Offer<ExtraPadding> whole_padding_, small_padding_;
  std::unique_ptr<Im2colConvolution> im2col_;
  std::unique_ptr<SmallConvolution> small_;
  std::unique_ptr<PanelConvolution> panels_;
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
