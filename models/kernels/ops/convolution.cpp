#include "models/kernels/ops/convolution.h"

#include "models/kernels/algorithms/choose.h"
#include "models/kernels/algorithms/implicit_gemm.h"
#include "models/kernels/algorithms/norm.h"
#include "models/kernels/algorithms/same_3x3.h"
#include "models/kernels/algorithms/winograd.h"
#include "models/kernels/choice.h"
#include "models/kernels/ops/autocast.h"
#include "models/kernels/ops/convolution_autograd.h"

namespace skipzoo {

namespace {

using torch::Tensor;

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

std::vector<int64_t> both(const torch::ExpandingArray<2>& of) {
  return {of->begin(), of->end()};
}

const torch::ExpandingArray<2>& padding_of(const torch::nn::Conv2dImpl& conv) {
  return std::get<torch::ExpandingArray<2>>(conv.options.padding());
}

/// With AVX2 alone, oneDNN (LibTorch 2.13) writes the weight gradient of so few
/// channels behind its memory where it leaves out pixels itself.
bool samples_first(const Tensor& x, const torch::nn::Conv2dImpl& conv) {
  constexpr int64_t kFewChannels = 8;
  const auto is = [](const torch::ExpandingArray<2>& both, int64_t value) {
    return (*both)[0] == value && (*both)[1] == value;
  };
  const auto& options = conv.options;
  const int64_t stride = (*options.stride())[0];
  return x.is_cpu() && options.in_channels() < kFewChannels && stride > 1 &&
         is(options.stride(), stride) && is(options.kernel_size(), 1) &&
         pads_with_zeros(conv) && is(padding_of(conv), 0) &&
         options.groups() == 1;
}

/// The pixels that a 1x1 convolution reads.
Tensor sampled(const Tensor& x, const torch::nn::Conv2dImpl& conv) {
  return every_pixel(x, (*conv.options.stride())[0])
      .contiguous(x.suggest_memory_format());
}

/// conv with another bias; null for none.
struct WithBias {
  torch::nn::Conv2d& conv;
  Tensor bias;

  Tensor operator()(const Tensor& x) const {
    const auto& options = conv->options;
    if (samples_first(x, *conv)) {
      return torch::conv2d(sampled(x, *conv), conv->weight, bias);
    }
    return bias.is_same(conv->bias)
               ? conv(x)
               : torch::conv2d(x, conv->weight, bias, options.stride(),
                               padding_of(*conv), options.dilation(),
                               options.groups());
  }
};

Tensor in_float(const Tensor& images, const torch::nn::Conv2dImpl& conv,
                const Tensor& bias) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(
      c10::DispatchKey::AutocastCPU);
  const auto& options = conv.options;
  const bool samples = samples_first(images, conv);
  return convolve_in_float(
      samples ? sampled(images, conv) : images, conv.weight, bias,
      {samples ? std::vector<int64_t>{1, 1} : both(options.stride()),
       both(padding_of(conv)), both(options.dilation()), options.groups()});
}

/// LibTorch's convolution, in float where that is slow in bfloat16.
Tensor reference_convolution(const Tensor& x, const WithBias& convolution) {
  auto& conv = convolution.conv;
  if (!x.is_cpu() || convolves_bfloat16()) return convolution(x);
  const auto images = as_autocast(x);
  const bool is_slow = images.scalar_type() == at::kBFloat16 &&
                       images.dim() == 4 && takes_type(images, *conv) &&
                       conv->weight.scalar_type() == at::kFloat &&
                       pads_with_zeros(*conv);
  return is_slow ? in_float(images, *conv, convolution.bias) : convolution(x);
}

/// What all kernels of our own want.
Verdict suits_own_kernels(const Tensor& images,
                          const torch::nn::Conv2dImpl& conv) {
  if (!pads_with_zeros(conv)) return declined("padded with more than zeros");
  if (!takes_type(images, conv)) return declined("a weight of another type");
  return taken("");
}

Verdict takes_winograd(const Tensor& images, const torch::nn::Conv2dImpl& conv,
                       const ExtraPadding& extra) {
  if (extra.any()) return declined("uneven padding");
  if (const auto own = suits_own_kernels(images, conv); !own) return own;
  const auto& options = conv.options;
  const auto kind =
      is_same_3x3(conv.weight, *padding_of(conv), *options.stride(),
                  *options.dilation(), options.groups());
  return kind ? suits_winograd({.images = images.size(0),
                                .size = size_of(images),
                                .in = conv.weight.size(1),
                                .out = conv.weight.size(0),
                                .type = images.scalar_type()})
              : kind;
}

/// What a kernel that has `shape_of` makes of a convolution.
template <typename Shape>
Offer<Shape> shape_for(Offer<Shape> (*shape_of)(at::IntArrayRef,
                                                at::IntArrayRef, at::ScalarType,
                                                const ConvolutionOptions&),
                       const Tensor& images, const torch::nn::Conv2dImpl& conv,
                       const ExtraPadding& extra) {
  if (const auto own = suits_own_kernels(images, conv); !own) return {own};
  const auto& options = conv.options;
  return shape_of(images.sizes(), conv.weight.sizes(), images.scalar_type(),
                  {.padding = *padding_of(conv),
                   .stride = *options.stride(),
                   .dilation = *options.dilation(),
                   .groups = options.groups(),
                   .extra = extra});
}

ConvolutionCall call_of(const Tensor& images,
                        const torch::nn::Conv2dImpl& conv) {
  return {.weight = conv.weight.const_data_ptr(),
          .images = images.sizes().vec(),
          .kernel = conv.weight.sizes().vec(),
          .stride = (*conv.options.stride())[0],
          .groups = conv.options.groups(),
          .wants_input_gradient = images.requires_grad()};
}

Tensor fused_convolution(const Tensor& any, const WithBias& convolution,
                         const ExtraPadding& extra) {
  auto& conv = convolution.conv;
  const auto x = as_channels_last(any);
  const auto images = as_autocast(x);
  Choosing choosing([&] { return call_of(images, *conv); });
  // Other channels than the weight's are LibTorch's to refuse.
  const bool is_known =
      conv->weight.device().is_cpu() && is_plain_input(images) &&
      images.size(1) == conv->weight.size(1) * conv->options.groups();
  if (is_known) {
    if (choosing.takes(Algorithm::kWinograd,
                       takes_winograd(images, *conv, extra))) {
      return convolve_by_winograd(images, conv->weight, convolution.bias);
    }
    if (const auto shape = shape_for(implicit_gemm_shape, images, *conv, extra);
        choosing.takes(Algorithm::kImplicitGemm, shape)) {
      return convolve_by_implicit_gemm(images, conv->weight, convolution.bias,
                                       *shape);
    }
    if (const auto shape = shape_for(grouped_shape, images, *conv, extra);
        choosing.takes(Algorithm::kGroups, shape)) {
      return convolve_in_groups(images, conv->weight, convolution.bias, *shape);
    }
  }
  choosing.takes(Algorithm::kLibTorch,
                 is_known ? taken("")
                          : taken("images not channels-last on the CPU, or of "
                                  "a type that ours do not read"));
  return reference_convolution(padded(x, extra), convolution);
}

}  // namespace

Tensor as_channels_last(const Tensor& x) {
  const bool is_either =
      x.dim() == 4 && x.size(1) == 1 && x.is_cpu() &&
      x.is_contiguous(at::MemoryFormat::ChannelsLast) &&
      x.suggest_memory_format() != at::MemoryFormat::ChannelsLast;
  return is_either ? x.squeeze(1).unsqueeze(3).permute({0, 3, 1, 2}) : x;
}

torch::Tensor convolution_in_float(const torch::Tensor& images,
                                   const torch::nn::Conv2dImpl& conv) {
  return in_float(images, conv, conv.bias);
}

torch::Tensor convolution(const Tensor& x, torch::nn::Conv2d& conv,
                          Kernels kernels, const ExtraPadding& extra) {
  if (ReferenceOnly::active()) return conv(padded(x, extra));
  if (kernels == Kernels::kReference) {
    return WithBias{conv, conv->bias}(padded(x, extra));
  }
  return fused_convolution(x, {conv, conv->bias}, extra);
}

torch::Tensor convolution_without_bias(const Tensor& x, torch::nn::Conv2d& conv,
                                       const ExtraPadding& extra) {
  TORCH_CHECK(pads_with_zeros(*conv),
              "a convolution padded with zeros is expected");
  return fused_convolution(x, {conv, Tensor()}, extra);
}

}  // namespace skipzoo
