#include "models/kernels/ops/convolution_autograd.h"

#include <torch/csrc/autograd/custom_function.h>

#include "models/kernels/algorithms/winograd.h"
#include "models/kernels/blocking/optional_tensor.h"
#include "models/kernels/blocking/pixel_rows.h"
#include "models/kernels/choice.h"
#include "models/kernels/ops/inference.h"

namespace skipzoo {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// images * weight + bias, which may be null, or the input's gradient of that.
Tensor convolve(const Tensor& images, const Tensor& weight, const Tensor& bias,
                bool backward) {
  auto out = torch::empty({images.size(0), weight.size(backward ? 1 : 0),
                           images.size(2), images.size(3)},
                          images.options(), at::MemoryFormat::ChannelsLast);
  const ActivatedInput input{rows_of(images), images.size(1), {}, {}};
  SKIPZOO_DISPATCH(images.scalar_type(), [&] {
    winograd_convolution<scalar_t>(
        input, size_of(images),
        WinogradWeight<rows::Acc<scalar_t>>(weight, backward),
        {.rows = rows_of(out), .bias = bias, .relu = false});
  });
  return out;
}

/// The gradient of a bias, given that of the result, channels-last: the sum
/// over all pixels, in double.
Tensor bias_gradient(const Tensor& dy) {
  const PixelRows pixels(dy);
  const int64_t channels = pixels.channels;
  ChannelSums sums(pixels.blocks(), channels, dy.scalar_type());
  const auto zeros =
      torch::zeros({channels}, accumulator_type(dy.scalar_type()));
  SKIPZOO_DISPATCH(dy.scalar_type(), [&] {
    using A = rows::Acc<scalar_t>;
    const auto* from = dy.const_data_ptr<scalar_t>();
    pixels.for_each_block([&](int64_t b, int64_t first, int64_t count) {
      const auto [sum, squares] = sums.of_block<A>(b);
      rows::sums(from + first * channels, channels, zeros.const_data_ptr<A>(),
                 count, channels, sum, squares);
    });
  });
  return sums.total().first;
}

class WinogradConvolution
    : public torch::autograd::Function<WinogradConvolution> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable& weight,
                          const std::optional<Variable>& bias) {
    SKIPZOO_PROFILE("winograd_convolution");
    const NoAutograd no_autograd;
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.has_value();
    return convolve(x, weight, bias ? accumulator(x, *bias) : Tensor(),
                    /*backward=*/false);
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    SKIPZOO_PROFILE("winograd_convolution_backward");
    const NoAutograd no_autograd;
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto& weight = saved[1];
    const auto dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    tell_gradients(weight, Algorithm::kWinograd, context->needs_input_grad(0),
                   context->needs_input_grad(1));
    Variable dx, dweight, dbias;
    if (context->needs_input_grad(0)) {
      dx = convolve(dy, weight, {}, /*backward=*/true);
    }
    if (context->needs_input_grad(1)) {
      dweight = winograd_weight_gradient({rows_of(x), x.size(1), {}, {}},
                                         size_of(x), rows_of(dy))
                    .to(weight.scalar_type());
    }
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) {
      dbias = bias_gradient(dy).to(weight.scalar_type());
    }
    return {dx, dweight, dbias};
  }
};

/// What ShapedConvolution computes by, and how a shape of it is saved.
struct ImplicitGemm {
  static constexpr auto kAlgorithm = Algorithm::kImplicitGemm;
  using Shape = ConvolutionShape;
  static void forward(const Tensor& x, const Tensor& weight, const Shape& shape,
                      const ImplicitGemmResult& result) {
    implicit_gemm(x, pack_kernel_rows(weight, x.scalar_type()), shape, result);
  }
  static constexpr auto input_gradient = implicit_gemm_input_gradient;
  static constexpr auto weight_gradient = implicit_gemm_weight_gradient;
  static std::vector<int64_t> numbers_of(const Shape& s) {
    return {s.images,       s.channels,   s.outputs,   s.in.height,
            s.in.width,     s.out.height, s.out.width, s.kernel.height,
            s.kernel.width, s.stride,     s.top,       s.left};
  }
  static Shape shape_of(const std::vector<int64_t>& n) {
    return {.images = n[0],
            .channels = n[1],
            .outputs = n[2],
            .in = {n[3], n[4]},
            .out = {n[5], n[6]},
            .kernel = {n[7], n[8]},
            .stride = n[9],
            .top = n[10],
            .left = n[11]};
  }
};
struct GroupedLoops {
  static constexpr auto kAlgorithm = Algorithm::kGroups;
  using Shape = GroupedShape;
  static void forward(const Tensor& x, const Tensor& weight, const Shape& shape,
                      const ImplicitGemmResult& result) {
    grouped_convolution(x, pack_grouped_weight(weight), shape, result);
  }
  static constexpr auto input_gradient = grouped_input_gradient;
  static constexpr auto weight_gradient = grouped_weight_gradient;
  static std::vector<int64_t> numbers_of(const Shape& s) {
    return {s.images,    s.channels, s.group,      s.stride,
            s.in.height, s.in.width, s.out.height, s.out.width};
  }
  static Shape shape_of(const std::vector<int64_t>& n) {
    return {.images = n[0],
            .channels = n[1],
            .group = n[2],
            .stride = n[3],
            .in = {n[4], n[5]},
            .out = {n[6], n[7]}};
  }
};

template <typename Loops>
class ShapedConvolution
    : public torch::autograd::Function<ShapedConvolution<Loops>> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable& weight,
                          const std::optional<Variable>& bias,
                          const typename Loops::Shape& shape) {
    const NoAutograd no_autograd;
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["shape"] = Loops::numbers_of(shape);
    const auto y = empty_result(x, shape);
    Loops::forward(
        x, weight, shape,
        {.images = y, .bias = bias ? accumulator(x, *bias) : Tensor()});
    return y;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const NoAutograd no_autograd;
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    const auto shape =
        Loops::shape_of(context->saved_data["shape"].toIntVector());
    const auto dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    tell_gradients(weight, Loops::kAlgorithm, context->needs_input_grad(0),
                   context->needs_input_grad(1));
    Variable dx, dweight, dbias;
    if (context->needs_input_grad(0)) {
      dx = Loops::input_gradient(dy, weight, shape);
    }
    if (context->needs_input_grad(1)) {
      dweight = Loops::weight_gradient(x, dy, shape).to(weight.scalar_type());
    }
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) {
      dbias = bias_gradient(dy).to(weight.scalar_type());
    }
    return {dx, dweight, dbias, Variable()};
  }
};

/// A convolution of bfloat16 images in float.
class FloatConvolution : public torch::autograd::Function<FloatConvolution> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x,
                          const Variable& weight,
                          const std::optional<Variable>& bias,
                          const FloatConvolutionShape& shape) {
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

}  // namespace

Tensor convolve_by_winograd(const Tensor& x, const Tensor& weight,
                            const Tensor& bias) {
  return WinogradConvolution::apply(x, weight, as_optional(bias));
}

Tensor convolve_by_implicit_gemm(const Tensor& x, const Tensor& weight,
                                 const Tensor& bias,
                                 const ConvolutionShape& shape) {
  return ShapedConvolution<ImplicitGemm>::apply(x, weight, as_optional(bias),
                                                shape);
}

Tensor convolve_in_groups(const Tensor& x, const Tensor& weight,
                          const Tensor& bias, const GroupedShape& shape) {
  return ShapedConvolution<GroupedLoops>::apply(x, weight, as_optional(bias),
                                                shape);
}

Tensor convolve_in_float(const Tensor& x, const Tensor& weight,
                         const Tensor& bias,
                         const FloatConvolutionShape& shape) {
  return FloatConvolution::apply(x, weight, as_optional(bias), shape);
}

}  // namespace skipzoo
