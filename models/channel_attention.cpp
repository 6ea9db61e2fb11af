#include "models/channel_attention.h"

#include <algorithm>
#include <cmath>

namespace skipzoo {

namespace nn = torch::nn;

namespace {

int64_t eca_width(int64_t channels) {
  const auto width = static_cast<int64_t>(
      std::abs(std::log2(static_cast<double>(channels)) + 1) / 2);
  return std::max<int64_t>(width % 2 == 1 ? width : width + 1, 3);
}

nn::Conv1d eca_convolution(int64_t channels) {
  const int64_t width = eca_width(channels);
  return nn::Conv1d(
      nn::Conv1dOptions(1, 1, width).padding(width / 2).bias(false));
}

}  // namespace

SqueezeExciteImpl::SqueezeExciteImpl(int64_t channels, int64_t squeezed)
    : fc1(register_module("fc1", nn::Conv2d(channels, squeezed, 1))),
      fc2(register_module("fc2", nn::Conv2d(squeezed, channels, 1))) {}

torch::Tensor SqueezeExciteImpl::forward(const torch::Tensor& means) {
  return torch::sigmoid(fc2(torch::relu(fc1(means))));
}

EfficientChannelAttentionImpl::EfficientChannelAttentionImpl(int64_t channels)
    : conv(register_module("conv", eca_convolution(channels))) {}

torch::Tensor EfficientChannelAttentionImpl::forward(
    const torch::Tensor& means) {
  // As an image of one channel, whose rows are the channels.
  const int64_t around = conv->weight.size(2) / 2;
  return torch::sigmoid(torch::conv2d(means.transpose(1, 2),
                                      conv->weight.unsqueeze(-1),
                                      torch::Tensor(), /*stride=*/1,
                                      torch::IntArrayRef({around, 0})))
      .transpose(1, 2);
}

}  // namespace skipzoo
