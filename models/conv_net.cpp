#include "models/conv_net.h"

#include <algorithm>

#include "models/layers.h"

namespace skipzoo {

namespace nn = torch::nn;

namespace {

/// At stride 1 "same" padding is even for an odd kernel, whatever the size:
/// the convolution does it itself.
nn::Conv2d conv(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel)
                        .stride(stride)
                        .padding(stride == 1 ? kernel / 2 : 0));
}

nn::BatchNorm2d keras_norm(int64_t channels) {
  return nn::BatchNorm2d(
      nn::BatchNorm2dOptions(channels).eps(1e-3).momentum(0.01));
}

/// Keras's padding="same", what is odd bottom and right; none where the
/// convolution does it itself.
ExtraPadding same_padding(const torch::Tensor& x, int64_t kernel,
                          int64_t stride) {
  if (stride == 1) return {};
  const auto total = [&](int64_t size) {
    const int64_t steps = (size + stride - 1) / stride;
    return std::max<int64_t>((steps - 1) * stride + kernel - size, 0);
  };
  const int64_t h = total(x.size(2));
  const int64_t w = total(x.size(3));
  return {.top = h / 2, .left = w / 2, .bottom = h - h / 2, .right = w - w / 2};
}

torch::Tensor activate(const torch::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return torch::relu(x);
    case Activation::kElu:
      return torch::elu(x);
    case Activation::kGelu:
      return torch::gelu(x);
    case Activation::kSilu:
      return torch::silu(x);
    case Activation::kTanh:
      return torch::tanh(x);
  }
  TORCH_CHECK(false, "unknown activation");
}

/// Keras's defaults for kernels and biases (Glorot & Bengio 2010).
void initialise_glorot(nn::Module& root) {
  torch::NoGradGuard no_grad;
  for (const auto& parameter : root.named_parameters()) {
    auto value = parameter.value();
    if (value.dim() > 1) {
      nn::init::xavier_uniform_(value);
    } else if (parameter.key().ends_with("bias")) {
      value.zero_();
    }
  }
}

}  // namespace

void ConvNetOptions::validate(Problems& problems) const {
  if (filters.empty())
    problems.push_back("filters is empty; give one entry per block");
  if (filters.size() != strides.size()) {
    problems.push_back("filters has " + std::to_string(filters.size()) +
                       " entries but strides has " +
                       std::to_string(strides.size()) +
                       "; give one stride per block");
  }
}

ConvBlockImpl::ConvBlockImpl(int64_t in, int64_t out, int64_t stride,
                             Activation activation, ConvShortcut shortcut,
                             Kernels kernels)
    : conv1(register_module("conv1", conv(in, out, 3, stride))),
      bn1(register_module("bn1", keras_norm(out))),
      conv2(register_module("conv2", conv(out, out, 3, 1))),
      bn2(register_module("bn2", keras_norm(out))),
      stride_(stride),
      activation_(activation),
      ops_(kernels) {
  if (shortcut == ConvShortcut::kProjection) {
    skip = register_module(
        "skip", nn::Sequential(conv(in, out, 1, stride), keras_norm(out)));
    drop_path_ = register_module("drop_path", DropPath());
  }
}

torch::Tensor ConvBlockImpl::forward(const torch::Tensor& x) {
  const bool relu = activation_ == Activation::kRelu;
  const auto run = [&](const torch::Tensor& from, nn::Conv2d& layer,
                       nn::BatchNorm2d& norm, Epilogue epilogue,
                       const ExtraPadding& padding) {
    epilogue.relu = relu;
    const auto y = ops_.conv_bn(from, layer, norm, epilogue, padding);
    return relu ? y : activate(y, activation_);
  };
  const auto y = run(x, conv1, bn1, {}, same_padding(x, 3, stride_));
  if (!skip) return run(y, conv2, bn2, {}, {});
  // A strided 1x1 needs no padding: it samples every stride-th pixel.
  return run(
      y, conv2, bn2,
      {.gate = drop_path_->factors(y), .residual = project(x, skip, ops_)}, {});
}

ConvNetImpl::ConvNetImpl(const ConvNetOptions& options)
    : kernels_(options.kernels) {
  Problems problems;
  options.validate(problems);
  TORCH_CHECK(problems.empty(), "ConvNetOptions: ", problems.front());

  int64_t channels = options.in_channels;
  for (size_t i = 0; i < options.filters.size(); ++i) {
    blocks->push_back(ConvBlock(channels, options.filters[i],
                                options.strides[i], options.activation,
                                options.shortcut, options.kernels));
    channels = options.filters[i];
  }
  register_module("blocks", blocks);
  fc = register_module("fc", nn::Linear(channels, options.num_classes));
  initialise_glorot(*this);
}

torch::Tensor ConvNetImpl::forward_features(const torch::Tensor& images) {
  return blocks->forward(images);
}

torch::Tensor ConvNetImpl::forward_head(const torch::Tensor& maps) {
  return fc(torch::adaptive_avg_pool2d(maps, {1, 1}).flatten(1));
}

torch::Tensor ConvNetImpl::forward(const torch::Tensor& images) {
  return forward_head(forward_features(images));
}

void ConvNetImpl::reset_head(int64_t num_classes) {
  fc = replace_module("fc", linear_like(fc, num_classes));
  initialise_glorot(*fc);
}

std::vector<std::string> ConvNetImpl::block_names() const {
  return names_of_modules<ConvBlock>(*this);
}

}  // namespace skipzoo
