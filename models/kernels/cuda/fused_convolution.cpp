#include "models/kernels/cuda/fused_convolution.h"

#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/cudnn_convolution_add_relu.h>
#include <ATen/ops/cudnn_convolution_relu.h>
#include <torch/cuda.h>

#include <algorithm>
#include <optional>
#include <sstream>

namespace skipzoo {

namespace {

std::optional<torch::Tensor> bias_of(const ConvolutionArguments& conv) {
  return conv.bias.defined() ? std::optional(conv.bias) : std::nullopt;
}

}  // namespace

FusedConvolutions cudnn_convolutions(torch::Device device) {
  static const auto search = std::make_shared<Search>();
  const int64_t index = device.has_index() ? device.index() : -1;
  return {.relu =
              [](const torch::Tensor& x, const ConvolutionArguments& conv) {
                return at::cudnn_convolution_relu(x, conv.weight, bias_of(conv),
                                                  conv.stride, conv.padding,
                                                  conv.dilation, conv.groups);
              },
          .add_relu =
              [](const torch::Tensor& x, const torch::Tensor& z,
                 const ConvolutionArguments& conv) {
                return at::cudnn_convolution_add_relu(
                    x, conv.weight, z, /*alpha=*/1, bias_of(conv), conv.stride,
                    conv.padding, conv.dilation, conv.groups);
              },
          .wait = [index] { torch::cuda::synchronize(index); },
          .search = search};
}

bool is_product(const ConvolutionArguments& conv) {
  const auto all = [](const std::vector<int64_t>& values, int64_t value) {
    return std::all_of(values.begin(), values.end(),
                       [value](int64_t one) { return one == value; });
  };
  return conv.weight.size(2) == 1 && conv.weight.size(3) == 1 &&
         conv.groups == 1 && all(conv.stride, 1) && all(conv.padding, 0) &&
         conv.bias.defined();
}

torch::Tensor convolution_by_product(const torch::Tensor& x,
                                     const ConvolutionArguments& conv,
                                     bool relu) {
  const int64_t in = conv.weight.size(1), out = conv.weight.size(0);
  // Of channels-last images a view: a row for each pixel.
  const auto rows = x.permute({0, 2, 3, 1}).reshape({-1, in});
  const auto matrix = conv.weight.view({out, in}).t();
  const auto product = relu ? at::_addmm_activation(conv.bias, rows, matrix)
                            : at::addmm(conv.bias, rows, matrix);
  return product.view({x.size(0), x.size(2), x.size(3), out})
      .permute({0, 3, 1, 2});
}

std::string name_of(const ConvolutionArguments& conv, bool relu) {
  std::ostringstream name;
  name << conv.weight.sizes() << ' ' << at::IntArrayRef(conv.stride)
       << at::IntArrayRef(conv.padding) << at::IntArrayRef(conv.dilation) << ' '
       << conv.groups << ' ' << conv.bias.defined() << relu;
  return name.str();
}

torch::Tensor convolution_by_aten(const torch::Tensor& x,
                                  const torch::Tensor& z,
                                  const ConvolutionArguments& conv, bool relu) {
  auto y = at::convolution(x, conv.weight, bias_of(conv), conv.stride,
                           conv.padding, conv.dilation, /*transposed=*/false,
                           /*output_padding=*/{0, 0}, conv.groups);
  if (z.defined()) y.add_(z);
  return relu ? y.relu_() : y;
}

}  // namespace skipzoo
