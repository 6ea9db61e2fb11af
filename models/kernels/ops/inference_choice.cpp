#include "models/kernels/algorithms/choose.h"
#include "models/kernels/ops/inference.h"
#include "models/kernels/simd/processor.h"

// Which algorithm a PackedConvolution runs by.

namespace skipzoo {

using torch::Tensor;

Offer<ExtraPadding> PackedConvolution::whole_padding() const {
  const auto &stride = shape_.stride, &padding = shape_.padding;
  const auto& dilation = shape_.dilation;
  const auto& extra = shape_.extra;
  if (stride[0] != stride[1]) {
    return {declined("strides # and #", stride[0], stride[1])};
  }
  if (dilation[0] != 1 || dilation[1] != 1) return {declined("dilation")};
  if (type_ != at::kFloat && !(type_ == at::kBFloat16 && has_avx512_bf16())) {
    return {declined("a type that is not multiplied as fast as by oneDNN")};
  }
  return {taken(""),
          {.top = padding[0] + extra.top,
           .left = padding[1] + extra.left,
           .bottom = padding[0] + extra.bottom,
           .right = padding[1] + extra.right}};
}

Offer<ExtraPadding> PackedConvolution::padding_of_one_group() const {
  if (shape_.groups != 1) return {declined("# groups", shape_.groups)};
  return whole_padding();
}

Offer<ExtraPadding> PackedConvolution::padding_if_small() const {
  const int64_t stride = shape_.stride[0];
  const auto whole = whole_padding();
  if (!whole) return whole;
  if (weight_.size(2) != 3 || weight_.size(3) != 3) {
    return {declined("a kernel of #x#", weight_.size(2), weight_.size(3))};
  }
  if (stride > 2) return {declined("stride #", stride)};
  const auto& all = *whole;
  const int64_t least = stride == 1 ? 1 : 0;
  for (const auto zeros : {all.top, all.left, all.bottom, all.right}) {
    if (zeros < least || zeros > 1) {
      return {declined("a border of another width than one")};
    }
  }
  return whole;
}

Verdict PackedConvolution::few_pixels(at::IntArrayRef images) const {
  return whole_padding_
             ? Im2colConvolution::suits(images, weight_sizes_, shape_.stride[0],
                                        *whole_padding_)
             : whole_padding_.verdict;
}

Verdict PackedConvolution::reads(const Tensor& x, bool is_packed) const {
  if (x.scalar_type() != type_) {
    return declined("images of another type than it is computed in");
  }
  if (!x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    return declined("images not channels-last");
  }
  if (!weight_.defined() && !is_packed) {
    return declined("a weight that is packed for oneDNN alone");
  }
  return taken("");
}

Verdict PackedConvolution::takes_im2col(const Tensor& x) const {
  const auto suits = few_pixels(x.sizes());
  if (!suits) return suits;
  const auto is_read = reads(x, im2col_ != nullptr);
  return is_read ? suits : is_read;
}

Verdict PackedConvolution::takes_winograd(const Tensor& x) const {
  if (!is_plain_) return is_plain_;
  if (!x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    return declined("images not channels-last");
  }
  return suits_winograd({.images = x.size(0),
                         .size = {x.size(2), x.size(3)},
                         .in = weight_sizes_[1],
                         .out = weight_sizes_[0],
                         .type = x.scalar_type(),
                         .packed = true});
}

Offer<ConvolutionShape> PackedConvolution::takes_gemm(const Tensor& x) const {
  auto shape = gemm_shape_of(x.sizes());
  if (!shape) return shape;
  const auto is_read = reads(x, kernel_rows_.has_value());
  if (!is_read) shape.verdict = is_read;
  return shape;
}

Offer<GroupedShape> PackedConvolution::takes_groups(const Tensor& x) const {
  auto shape = grouped_shape_of(x.sizes());
  if (!shape) return shape;
  const auto is_read = reads(x, grouped_weight_.defined());
  if (!is_read) shape.verdict = is_read;
  return shape;
}

Verdict PackedConvolution::takes_small(const Tensor& x) const {
  constexpr int64_t kKernel = 3;
  if (!small_padding_) return small_padding_.verdict;
  const auto& zeros = *small_padding_;
  if (x.size(2) + zeros.top + zeros.bottom < kKernel ||
      x.size(3) + zeros.left + zeros.right < kKernel) {
    return declined("images smaller than the kernel");
  }
  if (!x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    return declined("images not channels-last");
  }
  if (shape_.groups > 1) {
    return suits_joined_groups(
        {.groups = shape_.groups,
         .in = weight_sizes_[1],
         .out = weight_sizes_[0] / shape_.groups,
         .pixels = x.size(0) * x.size(2) * x.size(3) /
                   (shape_.stride[0] * shape_.stride[0])});
  }
  return SmallConvolution::suits(x, weight_sizes_[0], shape_.stride[0]);
}

Verdict PackedConvolution::panels_suit(at::IntArrayRef images) const {
  return whole_padding_
             ? PanelConvolution::suits(images, weight_sizes_, shape_.stride[0],
                                       *whole_padding_)
             : whole_padding_.verdict;
}

Verdict PackedConvolution::takes_panels(const Tensor& x) const {
  const auto suits = panels_suit(x.sizes());
  if (!suits) return suits;
  const auto is_read = reads(x, panels_ != nullptr);
  return is_read ? suits : is_read;
}

Offer<ConvolutionShape> PackedConvolution::gemm_shape_of(
    at::IntArrayRef images) const {
  return implicit_gemm_shape(images, weight_sizes_, type_, options());
}

Offer<GroupedShape> PackedConvolution::grouped_shape_of(
    at::IntArrayRef images) const {
  return grouped_shape(images, weight_sizes_, type_, options());
}

ConvolutionOptions PackedConvolution::options() const {
  return {.padding = shape_.padding,
          .stride = shape_.stride,
          .dilation = shape_.dilation,
          .groups = shape_.groups,
          .extra = shape_.extra};
}

PackedConvolution::Route PackedConvolution::choose(const Tensor& x) const {
  Choosing choosing([&] {
    return ConvolutionCall{.images = x.sizes().vec(),
                           .kernel = weight_sizes_,
                           .stride = shape_.stride[0],
                           .groups = shape_.groups};
  });
  if (choosing.takes(Algorithm::kIm2col, takes_im2col(x))) {
    return {Algorithm::kIm2col};
  }
  if (choosing.takes(Algorithm::kWinograd, takes_winograd(x))) {
    return {Algorithm::kWinograd};
  }
  if (const auto shape = takes_gemm(x);
      choosing.takes(Algorithm::kImplicitGemm, shape)) {
    return {.algorithm = Algorithm::kImplicitGemm, .gemm = *shape};
  }
  if (const auto shape = takes_groups(x);
      choosing.takes(Algorithm::kGroups, shape)) {
    return {.algorithm = Algorithm::kGroups, .groups = *shape};
  }
  auto images = x.to(type_);
  auto algorithm = Algorithm::kOneDnn;
  if (choosing.takes(Algorithm::kSmall, takes_small(images))) {
    algorithm = Algorithm::kSmall;
  } else if (choosing.takes(Algorithm::kPanels, takes_panels(images))) {
    algorithm = Algorithm::kPanels;
  } else {
    choosing.takes(Algorithm::kOneDnn, taken(""));
  }
  return {.algorithm = algorithm, .images = std::move(images)};
}

}  // namespace skipzoo
