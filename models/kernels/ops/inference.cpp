#include "models/kernels/ops/inference.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include "models/kernels/algorithms/same_3x3.h"
#include "models/kernels/blocking/pixel_rows.h"
#include "models/kernels/ops/autocast.h"

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

PackedConvolution::PackedConvolution(Tensor weight, Tensor bias, Shape shape,
                                     std::shared_ptr<ScratchPool> scratch)
    : weight_(std::move(weight)),
      bias_(std::move(bias)),
      shape_(std::move(shape)),
      scratch_(std::move(scratch)) {
  if (!bias_.defined()) {
    bias_ = torch::zeros({weight_.size(0)}, weight_.options());
  }
  if (weight_.scalar_type() == at::kBFloat16 && !convolves_bfloat16()) {
    weight_ = weight_.to(at::kFloat);
    bias_ = bias_.to(at::kFloat);
  }
  type_ = weight_.scalar_type();
  weight_sizes_ = weight_.sizes().vec();
  is_plain_ = shape_.extra.any()
                  ? declined("uneven padding")
                  : is_same_3x3(weight_, shape_.padding, shape_.stride,
                                shape_.dilation, shape_.groups);
  whole_padding_ = padding_of_one_group();
  small_padding_ = padding_if_small();
}

void PackedConvolution::pack(const Tensor& x, at::IntArrayRef images) {
  if (packed_.defined()) return;
  packed_ = reorder(weight_, shape_, x.sizes());
  // More images of this size, or fewer, may go by others.
  constexpr int64_t kMany = 1 << 10;
  const bool is_kept =
      is_plain_ || small_padding_ ||
      few_pixels({1, images[1], images[2], images[3]}) ||
      panels_suit({1, images[1], images[2], images[3]}) ||
      gemm_shape_of({kMany, images[1], images[2], images[3]}) ||
      grouped_shape_of(images);
  if (!is_kept) weight_.reset();
}

Im2colConvolution& PackedConvolution::im2col() {
  if (im2col_ == nullptr) {
    im2col_ = std::make_unique<Im2colConvolution>(
        weight_, bias_, shape_.stride[0], *whole_padding_);
  }
  return *im2col_;
}

SmallConvolution& PackedConvolution::small() {
  if (small_ == nullptr) {
    small_ = std::make_unique<SmallConvolution>(
        weight_, bias_, shape_.stride[0], *small_padding_, scratch_,
        shape_.groups);
  }
  return *small_;
}

PanelConvolution& PackedConvolution::by_panels() {
  if (panels_ == nullptr) {
    panels_ = std::make_unique<PanelConvolution>(
        weight_, bias_, shape_.stride[0], *whole_padding_, scratch_);
  }
  return *panels_;
}

void PackedConvolution::run_gemm(const Tensor& x, const ConvolutionShape& shape,
                                 ImplicitGemmResult result) {
  if (!kernel_rows_) kernel_rows_ = pack_kernel_rows(weight_, type_);
  result.bias = accumulator(x, bias_);
  implicit_gemm(x, *kernel_rows_, shape, result);
}

void PackedConvolution::run_grouped(const Tensor& x, const GroupedShape& shape,
                                    ImplicitGemmResult result) {
  if (!grouped_weight_.defined()) {
    grouped_weight_ = pack_grouped_weight(weight_);
  }
  result.bias = accumulator(x, bias_);
  grouped_convolution(x, grouped_weight_, shape, result);
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
  const auto route = choose(x);
  switch (route.algorithm) {
    case Algorithm::kIm2col:
      return im2col()(x, relu, allocate);
    case Algorithm::kWinograd: {
      auto out = allocate({x.size(0), weight_sizes_[0], x.size(2), x.size(3)},
                          x.options());
      run_winograd(x, out, /*adds=*/false, relu);
      return out;
    }
    case Algorithm::kImplicitGemm: {
      const auto out = empty_result(x, route.gemm, allocate);
      run_gemm(x, route.gemm, {.images = out, .relu = relu});
      return out;
    }
    case Algorithm::kGroups: {
      const auto out = empty_result(x, route.groups, allocate);
      run_grouped(x, route.groups, {.images = out, .relu = relu});
      return out;
    }
    case Algorithm::kPanels:
      return by_panels()(route.images, relu, allocate).to(x.scalar_type());
    case Algorithm::kSmall:
      return small()(route.images, relu, allocate).to(x.scalar_type());
    default:
      return run(route.images, relu).to(x.scalar_type());
  }
}

Tensor PackedConvolution::run(const Tensor& images, bool relu) {
  using Signature =
      Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&,
             at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t,
             std::string_view, Scalars, std::optional<std::string_view>);
  static const auto op =
      find_operator<Signature>("mkldnn::_convolution_pointwise", "");
  count_parallel_call();
  const auto x = padded(images, shape_.extra);
  pack(x, images.sizes());
  return op.call(x, packed_, std::optional(bias_), shape_.padding,
                 shape_.stride, shape_.dilation, shape_.groups,
                 relu ? "relu" : "none", Scalars(), "");
}

Tensor PackedConvolution::add_to(Tensor other, const Tensor& x, bool relu) {
  const auto route = choose(x);
  switch (route.algorithm) {
    case Algorithm::kIm2col:
      return im2col().add_to(other, x, relu);
    case Algorithm::kWinograd:
      run_winograd(x, other, /*adds=*/true, relu);
      return other;
    case Algorithm::kImplicitGemm:
      run_gemm(x, route.gemm,
               {.images = other, .residual = other, .relu = relu});
      return other;
    case Algorithm::kGroups:
      run_grouped(x, route.groups,
                  {.images = other, .residual = other, .relu = relu});
      return other;
    default:
      break;
  }
  const auto sum = other.to(type_);
  if (route.algorithm == Algorithm::kSmall) {
    small().add_to(sum, route.images, relu);
  } else if (route.algorithm == Algorithm::kPanels) {
    by_panels().add_to(sum, route.images, relu);
  } else {
    run_onto(sum, route.images, relu);
  }
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
  count_parallel_call();
  const auto x = padded(images, shape_.extra);
  pack(x, images.sizes());
  op.call(other, x, packed_, std::optional(bias_), shape_.padding,
          shape_.stride, shape_.dilation, shape_.groups, "add", at::Scalar(1.0),
          relu ? std::optional<std::string_view>("relu") : std::nullopt,
          Scalars(), std::nullopt);
}

}  // namespace skipzoo
