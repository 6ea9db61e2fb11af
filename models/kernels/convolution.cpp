#include "models/kernels/convolution.h"

#include <torch/csrc/autograd/custom_function.h>

#include "models/kernels/autocast.h"
#include "models/kernels/inference.h"
#include "models/kernels/norm.h"
#include "models/kernels/pixel_rows.h"
#include "models/kernels/same_3x3.h"
#include "models/kernels/winograd.h"

namespace skipzoo {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

ImageSize size_of(const Tensor& images) {
  return {images.size(2), images.size(3)};
}

/// images * weight, or the input's gradient of that.
Tensor convolve(const Tensor& images, const Tensor& weight, bool backward) {
  auto out = torch::empty({images.size(0), weight.size(backward ? 1 : 0),
                           images.size(2), images.size(3)},
                          images.options(), at::MemoryFormat::ChannelsLast);
  const ActivatedInput input{rows_of(images), images.size(1), {}, {}};
  SKIPZOO_DISPATCH(images.scalar_type(), [&] {
    winograd_convolution<scalar_t>(
        input, size_of(images),
        WinogradWeight<rows::Acc<scalar_t>>(weight, backward),
        {.rows = rows_of(out)});
  });
  return out;
}

class WinogradConvolution
    : public torch::autograd::Function<WinogradConvolution> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable& weight) {
    SKIPZOO_PROFILE("winograd_convolution");
    const NoAutograd no_autograd;
    context->save_for_backward({x, weight});
    return convolve(x, weight, /*backward=*/false);
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    SKIPZOO_PROFILE("winograd_convolution_backward");
    const NoAutograd no_autograd;
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto& weight = saved[1];
    const auto dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    Variable dx, dweight;
    if (context->needs_input_grad(0)) {
      dx = convolve(dy, weight, /*backward=*/true);
    }
    if (context->needs_input_grad(1)) {
      dweight = winograd_weight_gradient({rows_of(x), x.size(1), {}, {}},
                                         size_of(x), rows_of(dy))
                    .to(weight.scalar_type());
    }
    return {dx, dweight};
  }
};

/// A convolution of bfloat16 images in float.
class FloatConvolution : public torch::autograd::Function<FloatConvolution> {
 public:
  struct Shape {
    std::vector<int64_t> stride, padding, dilation;
    int64_t groups;
  };

  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable& weight,
                          const std::optional<Variable>& bias,
                          const Shape& shape) {
    context->save_for_backward({x, weight});
    context->saved_data["stride"] = shape.stride;
    context->saved_data["padding"] = shape.padding;
    context->saved_data["dilation"] = shape.dilation;
    context->saved_data["groups"] = shape.groups;
    context->saved_data["bias"] = bias.has_value();
    return at::convolution(x.to(at::kFloat), weight, bias, shape.stride,
                           shape.padding, shape.dilation, /*transposed=*/false,
                           /*output_padding=*/{0, 0}, shape.groups)
        .to(x.scalar_type());
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto& weight = saved[1];
    auto& saved_data = context->saved_data;
    const bool has_bias =
        saved_data["bias"].toBool() && context->needs_input_grad(2);
    const int64_t channels[] = {weight.size(0)};
    auto [dx, dweight, dbias] = at::convolution_backward(
        gradients[0].to(at::kFloat), x.to(at::kFloat), weight,
        has_bias ? at::OptionalIntArrayRef(channels) : std::nullopt,
        saved_data["stride"].toIntVector(), saved_data["padding"].toIntVector(),
        saved_data["dilation"].toIntVector(), /*transposed=*/false,
        /*output_padding=*/{0, 0}, saved_data["groups"].toInt(),
        {context->needs_input_grad(0), context->needs_input_grad(1), has_bias});
    if (dx.defined()) dx = dx.to(x.scalar_type());
    return {dx, dweight, dbias, Variable()};
  }
};

bool pads_with_zeros(const torch::nn::Conv2dImpl& conv) {
  return std::holds_alternative<torch::ExpandingArray<2>>(
             conv.options.padding()) &&
         std::holds_alternative<torch::enumtype::kZeros>(
             conv.options.padding_mode());
}

/// As autocast asks for, or of the weight's own type.
bool takes_type(const Tensor& images, const torch::nn::Conv2dImpl& conv) {
  return images.scalar_type() == conv.weight.scalar_type() || autocasts();
}

/// LibTorch's convolution, in float where that is slow in bfloat16.
Tensor reference_convolution(const Tensor& x, torch::nn::Conv2d& conv) {
  if (!x.is_cpu() || convolves_bfloat16()) return conv(x);
  const auto images = as_autocast(x);
  const bool is_slow = images.scalar_type() == at::kBFloat16 &&
                       images.dim() == 4 && takes_type(images, *conv) &&
                       conv->weight.scalar_type() == at::kFloat &&
                       pads_with_zeros(*conv);
  return is_slow ? convolution_in_float(images, *conv) : conv(x);
}

bool suits_own_kernels(const torch::nn::Conv2dImpl& conv) {
  const auto& options = conv.options;
  return pads_with_zeros(conv) && !conv.bias.defined() &&
         is_same_3x3(conv.weight,
                     *std::get<torch::ExpandingArray<2>>(options.padding()),
                     *options.stride(), *options.dilation(), options.groups());
}

}  // namespace

torch::Tensor convolution_in_float(const torch::Tensor& images,
                                   const torch::nn::Conv2dImpl& conv) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(
      c10::DispatchKey::AutocastCPU);
  const auto both = [](const torch::ExpandingArray<2>& of) {
    return std::vector<int64_t>(of->begin(), of->end());
  };
  const auto& options = conv.options;
  return FloatConvolution::apply(
      images, conv.weight,
      conv.bias.defined() ? std::optional(conv.bias) : std::nullopt,
      FloatConvolution::Shape{
          both(options.stride()),
          both(std::get<torch::ExpandingArray<2>>(options.padding())),
          both(options.dilation()), options.groups()});
}

torch::Tensor convolution(const Tensor& x, torch::nn::Conv2d& conv,
                          Kernels kernels) {
  if (kernels == Kernels::kReference || ReferenceOnly::active()) return conv(x);
  if (!suits_own_kernels(*conv) || !conv->weight.device().is_cpu()) {
    return reference_convolution(x, conv);
  }
  const auto images = as_autocast(x);
  if (!is_plain_input(images) ||
      !suits_winograd({.images = images.size(0),
                       .size = size_of(images),
                       .in = conv->weight.size(1),
                       .out = conv->weight.size(0),
                       .type = images.scalar_type()}) ||
      !takes_type(images, *conv)) {
    return reference_convolution(x, conv);
  }
  return WinogradConvolution::apply(images, conv->weight);
}

}  // namespace skipzoo
