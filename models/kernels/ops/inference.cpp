#include "models/kernels/ops/inference.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include "models/kernels/algorithms/choose.h"
#include "models/kernels/algorithms/same_3x3.h"
#include "models/kernels/blocking/pixel_rows.h"
#include "models/kernels/ops/autocast.h"
#include "models/kernels/simd/processor.h"

namespace skipzoo {

namespace {

using torch::Tensor;
using Scalars = torch::List<std::optional<at::Scalar>>;

/// Operators that have no function of their own in C++.
template <typename Signature>
auto find_operator(const char* name, const char* overload) {
  return c10::Dispatcher::singleton()
      .findSchemaOrThrow(name, overload)
      .typed<Signature>();
}

Tensor reorder(const Tensor& weight, const PackedConvolution::Shape& shape,
               at::IntArrayRef input) {
  using Signature =
      Tensor(const Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef,
             int64_t, c10::OptionalArrayRef<int64_t>);
  static const auto op =
      find_operator<Signature>("mkldnn::_reorder_convolution_weight", "");
  return op.call(weight, shape.padding, shape.stride, shape.dilation,
                 shape.groups, input);
}

}  // namespace

PackedConvolution::PackedConvolution(Tensor weight, Tensor bias, Shape shape)
    : weight_(std::move(weight)),
      bias_(std::move(bias)),
      shape_(std::move(shape)) {
  if (!bias_.defined()) {
    bias_ = torch::zeros({weight_.size(0)}, weight_.options());
  }
  if (weight_.scalar_type() == at::kBFloat16 && !convolves_bfloat16()) {
    weight_ = weight_.to(at::kFloat);
    bias_ = bias_.to(at::kFloat);
  }
  type_ = weight_.scalar_type();
  weight_sizes_ = weight_.sizes().vec();
  is_plain_ =
      !shape_.extra.any() && is_same_3x3(weight_, shape_.padding, shape_.stride,
                                         shape_.dilation, shape_.groups);
  whole_padding_ = whole_padding();
  small_padding_ = padding_if_small();
}

std::optional<ExtraPadding> PackedConvolution::whole_padding() const {
  const auto &stride = shape_.stride, &padding = shape_.padding;
  const auto& dilation = shape_.dilation;
  const auto& extra = shape_.extra;
  const bool multiplies =
      type_ == at::kFloat || (type_ == at::kBFloat16 && has_avx512_bf16());
  if (!multiplies || shape_.groups != 1 || stride[0] != stride[1] ||
      dilation[0] != 1 || dilation[1] != 1) {
    return {};
  }
  return ExtraPadding{.top = padding[0] + extra.top,
                      .left = padding[1] + extra.left,
                      .bottom = padding[0] + extra.bottom,
                      .right = padding[1] + extra.right};
}

std::optional<ExtraPadding> PackedConvolution::padding_if_small() const {
  const int64_t stride = shape_.stride[0];
  if (!whole_padding_ || stride > 2 || weight_.size(2) != 3 ||
      weight_.size(3) != 3) {
    return {};
  }
  const auto& all = *whole_padding_;
  const int64_t least = stride == 1 ? 1 : 0;
  for (const auto zeros : {all.top, all.left, all.bottom, all.right}) {
    if (zeros < least || zeros > 1) return {};
  }
  return all;
}

bool PackedConvolution::is_of_few_pixels(at::IntArrayRef images) const {
  return whole_padding_ &&
         Im2colConvolution::suits(images, weight_sizes_, shape_.stride[0],
                                  *whole_padding_);
}

bool PackedConvolution::is_of_few_pixels(const Tensor& x) {
  if (!is_of_few_pixels(x.sizes()) || x.scalar_type() != type_ ||
      !x.is_contiguous(at::MemoryFormat::ChannelsLast) ||
      (!weight_.defined() && im2col_ == nullptr)) {
    return false;
  }
  if (im2col_ == nullptr) {
    im2col_ = std::make_unique<Im2colConvolution>(
        weight_, bias_, shape_.stride[0], *whole_padding_);
  }
  return true;
}

bool PackedConvolution::is_small(const Tensor& x) {
  constexpr int64_t kKernel = 3;
  if (!small_padding_ ||
      x.size(2) + small_padding_->top + small_padding_->bottom < kKernel ||
      x.size(3) + small_padding_->left + small_padding_->right < kKernel ||
      !x.is_contiguous(at::MemoryFormat::ChannelsLast) ||
      !SmallConvolution::suits(x, weight_.size(0), shape_.stride[0])) {
    return false;
  }
  if (small_ == nullptr) {
    small_ = std::make_unique<SmallConvolution>(
        weight_, bias_, shape_.stride[0], *small_padding_);
  }
  return true;
}

void PackedConvolution::pack(const Tensor& x, at::IntArrayRef images) {
  if (packed_.defined()) return;
  packed_ = reorder(weight_, shape_, x.sizes());
  // More images of this size, or fewer, may go by others.
  constexpr int64_t kMany = 1 << 10;
  const bool is_kept = is_plain_ || small_padding_ ||
                       is_of_few_pixels({1, images[1], images[2], images[3]}) ||
                       gemm_shape({kMany, images[1], images[2], images[3]}) ||
                       grouped(images);
  if (!is_kept) weight_.reset();
}

std::optional<ConvolutionShape> PackedConvolution::gemm_shape(
    const Tensor& x) const {
  const bool is_known = x.scalar_type() == type_ &&
                        x.is_contiguous(at::MemoryFormat::ChannelsLast) &&
                        (weight_.defined() || kernel_rows_);
  return is_known ? gemm_shape(x.sizes()) : std::nullopt;
}

std::optional<ConvolutionShape> PackedConvolution::gemm_shape(
    at::IntArrayRef images) const {
  return implicit_gemm_shape(images, weight_sizes_, type_, options());
}

ConvolutionOptions PackedConvolution::options() const {
  return {.padding = shape_.padding,
          .stride = shape_.stride,
          .dilation = shape_.dilation,
          .groups = shape_.groups,
          .extra = shape_.extra};
}

void PackedConvolution::run_gemm(const Tensor& x, const ConvolutionShape& shape,
                                 ImplicitGemmResult result) {
  if (!kernel_rows_) kernel_rows_ = pack_kernel_rows(weight_, type_);
  result.bias = accumulator(x, bias_);
  implicit_gemm(x, *kernel_rows_, shape, result);
}

std::optional<GroupedShape> PackedConvolution::grouped(const Tensor& x) const {
  const bool is_known = x.scalar_type() == type_ &&
                        x.is_contiguous(at::MemoryFormat::ChannelsLast) &&
                        (weight_.defined() || grouped_weight_.defined());
  return is_known ? grouped(x.sizes()) : std::nullopt;
}

std::optional<GroupedShape> PackedConvolution::grouped(
    at::IntArrayRef images) const {
  return grouped_shape(images, weight_sizes_, type_, options());
}

void PackedConvolution::run_grouped(const Tensor& x, const GroupedShape& shape,
                                    ImplicitGemmResult result) {
  if (!grouped_weight_.defined()) {
    grouped_weight_ = pack_grouped_weight(weight_);
  }
  result.bias = accumulator(x, bias_);
  grouped_convolution(x, grouped_weight_, shape, result);
}

bool PackedConvolution::uses_winograd(const Tensor& x) const {
  return is_plain_ && shape_.stride[0] == 1 &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast) &&
         suits_winograd({.images = x.size(0),
                         .size = {x.size(2), x.size(3)},
                         .in = weight_.size(1),
                         .out = weight_.size(0),
                         .type = x.scalar_type(),
                         .packed = true});
}

void PackedConvolution::run_winograd(const Tensor& x, const Tensor& out,
                                     bool adds, bool relu) {
  SKIPZOO_PROFILE("winograd_convolution");
  if (!taps_) taps_.emplace(weight_, /*is_reused=*/true);
  const auto rows = rows_of(out);
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    winograd_convolution<scalar_t>({rows_of(x), x.size(1), {}, {}},
                                   {x.size(2), x.size(3)},
                                   taps_->winograd<rows::Acc<scalar_t>>(),
                                   {.rows = rows,
                                    .bias = accumulator(x, bias_),
                                    .residual = adds ? rows : Tensor(),
                                    .relu = relu});
  });
}

Tensor PackedConvolution::operator()(const Tensor& x, bool relu,
                                     Allocate allocate) {
  if (is_of_few_pixels(x)) return (*im2col_)(x, relu, allocate);
  if (uses_winograd(x)) {
    auto out = allocate({x.size(0), weight_.size(0), x.size(2), x.size(3)},
                        x.options());
    run_winograd(x, out, /*adds=*/false, relu);
    return out;
  }
  if (const auto shape = gemm_shape(x)) {
    const auto out = empty_result(x, *shape, allocate);
    run_gemm(x, *shape, {.images = out, .relu = relu});
    return out;
  }
  if (const auto shape = grouped(x)) {
    const auto out = empty_result(x, *shape, allocate);
    run_grouped(x, *shape, {.images = out, .relu = relu});
    return out;
  }
  return run(x.to(type_), relu, allocate).to(x.scalar_type());
}

Tensor PackedConvolution::run(const Tensor& images, bool relu,
                              Allocate allocate) {
  using Signature =
      Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&,
             at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t,
             std::string_view, Scalars, std::optional<std::string_view>);
  static const auto op =
      find_operator<Signature>("mkldnn::_convolution_pointwise", "");
  if (is_small(images)) return (*small_)(images, relu, allocate);
  const auto x = padded(images, shape_.extra);
  pack(x, images.sizes());
  return op.call(x, packed_, std::optional(bias_), shape_.padding,
                 shape_.stride, shape_.dilation, shape_.groups,
                 relu ? "relu" : "none", Scalars(), "");
}

Tensor PackedConvolution::add_to(Tensor other, const Tensor& x, bool relu) {
  if (is_of_few_pixels(x)) return im2col_->add_to(other, x, relu);
  if (uses_winograd(x)) {
    run_winograd(x, other, /*adds=*/true, relu);
    return other;
  }
  if (const auto shape = gemm_shape(x)) {
    run_gemm(x, *shape, {.images = other, .residual = other, .relu = relu});
    return other;
  }
  if (const auto shape = grouped(x)) {
    run_grouped(x, *shape, {.images = other, .residual = other, .relu = relu});
    return other;
  }
  const auto sum = other.to(type_);
  run_onto(sum, x.to(type_), relu);
  return sum.to(other.scalar_type());
}

void PackedConvolution::run_onto(Tensor other, const Tensor& images,
                                 bool relu) {
  using Signature =
      Tensor&(Tensor&, const Tensor&, const Tensor&,
              const std::optional<Tensor>&, at::IntArrayRef, at::IntArrayRef,
              at::IntArrayRef, int64_t, std::string_view,
              std::optional<at::Scalar>, std::optional<std::string_view>,
              Scalars, std::optional<std::string_view>);
  static const auto op =
      find_operator<Signature>("mkldnn::_convolution_pointwise_", "binary");
  if (is_small(images)) {
    small_->add_to(other, images, relu);
    return;
  }
  const auto x = padded(images, shape_.extra);
  pack(x, images.sizes());
  op.call(other, x, packed_, std::optional(bias_), shape_.padding,
          shape_.stride, shape_.dilation, shape_.groups, "add", at::Scalar(1.0),
          relu ? std::optional<std::string_view>("relu") : std::nullopt,
          Scalars(), std::nullopt);
}

}  // namespace skipzoo
