#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/kernels/cuda/ways.h"
#include "models/tensor.h"

namespace skipzoo {

/// A convolution of images as ATen's operators take it; bias: null or one of
/// each output channel.
struct ConvolutionArguments {
  torch::Tensor weight, bias;
  std::vector<int64_t> stride, padding, dilation;
  int64_t groups = 1;
};

/// The operators that a plan for a GPU calls beside ATen's own.
struct FusedConvolutions {
  /// relu(conv(x) + bias) as one operator.
  std::function<torch::Tensor(const torch::Tensor& x,
                              const ConvolutionArguments& conv)>
      relu;
  /// relu(conv(x) + bias + z); z: of the result's shape.
  std::function<torch::Tensor(const torch::Tensor& x, const torch::Tensor& z,
                              const ConvolutionArguments& conv)>
      add_relu;
  /// Returns when all that was asked of the device is done.
  std::function<void()> wait;
  /// For all plans that are made with these.
  std::shared_ptr<Search> search = std::make_shared<Search>();
};

/// cuDNN's, with one search for all in this process. They throw c10::Error
/// where it has no kernel for what is asked.
FusedConvolutions cudnn_convolutions(torch::Device device);

/// The same by ATen's operators, one after the other; z may be null, too.
torch::Tensor convolution_by_aten(const torch::Tensor& x,
                                  const torch::Tensor& z,
                                  const ConvolutionArguments& conv, bool relu);

/// Whether it multiplies each pixel by a matrix, and adds a bias.
bool is_product(const ConvolutionArguments& conv);
/// That as a product of matrices with the bias, and a ReLU where `relu` says
/// so, behind it in the same kernel: cuBLAS's. x: channels-last.
torch::Tensor convolution_by_product(const torch::Tensor& x,
                                     const ConvolutionArguments& conv,
                                     bool relu);

/// Alike for those that are alike but for their numbers.
std::string name_of(const ConvolutionArguments& conv, bool relu);

}  // namespace skipzoo
