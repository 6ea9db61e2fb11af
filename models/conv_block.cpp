#include "models/conv_block.h"

#include <algorithm>

#include "models/layers.h"

namespace skipzoo {

namespace nn = torch::nn;

namespace {

/// At stride 1 "same" padding is even for an odd kernel, whatever the size:
/// the convolution does it itself.
nn::Conv2d same_convolution(int64_t in, int64_t out, int64_t kernel,
                            int64_t stride) {
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

/// Whether x is projected on its way past a block.
bool projects(ConvShortcut shortcut, bool same_shape) {
  switch (shortcut) {
    case ConvShortcut::kProjection:
      return true;
    case ConvShortcut::kHighway:
    case ConvShortcut::kReZero:
    case ConvShortcut::kSkipInit:
    case ConvShortcut::kLayerScale:
      return !same_shape;
    case ConvShortcut::kIdentity:
    case ConvShortcut::kNone:
    case ConvShortcut::kDense:
      return false;
  }
  TORCH_CHECK(false, "unknown shortcut");
}

/// The mean of stride x stride pixels, at the borders of those that are there.
torch::Tensor mean_pool(const torch::Tensor& x, int64_t stride) {
  if (stride == 1) return x;
  return torch::avg_pool2d(x, stride, stride, /*padding=*/0, /*ceil_mode=*/true,
                           /*count_include_pad=*/false);
}

/// A parameter in the type of x, as autocast has it.
torch::Tensor in_type_of_images(const torch::Tensor& parameter,
                                const torch::Tensor& x) {
  return parameter.scalar_type() == x.scalar_type()
             ? parameter
             : parameter.to(x.scalar_type());
}

/// x + bias, a scalar; x where there is none.
torch::Tensor shifted(const torch::Tensor& x, const torch::Tensor& bias) {
  return bias.defined() ? x + in_type_of_images(bias, x) : x;
}

}  // namespace

ConvBlockImpl::ConvBlockImpl(int64_t in, int64_t out, int64_t stride,
                             const ConvNetOptions& options)
    : shortcut_(options.shortcut),
      out_(out),
      stride_(stride),
      activation_(options.activation),
      ops_(options.kernels) {
  const bool has_norm = options.norm == ConvNorm::kBatch;
  conv1 = register_module("conv1", same_convolution(in, out, 3, stride));
  if (has_norm) bn1 = register_module("bn1", keras_norm(out));
  conv2 = register_module("conv2", same_convolution(out, out, 3, 1));
  if (has_norm) bn2 = register_module("bn2", keras_norm(out));
  if (projects(shortcut_, in == out && stride == 1)) {
    nn::Sequential layers(same_convolution(in, out, 1, stride));
    if (has_norm) layers->push_back(keras_norm(out));
    skip = register_module("skip", layers);
  }
  if (shortcut_ == ConvShortcut::kHighway) {
    transform =
        register_module("transform", same_convolution(in, out, 1, stride));
  }
  if (options.has_scale()) {
    const bool each = shortcut_ == ConvShortcut::kLayerScale;
    scale = register_parameter(
        "scale", torch::full({each ? out : 1}, options.scale_init));
  }
  if (options.init == ConvInit::kFixup) {
    scale = register_parameter("scale", torch::ones({1}));
    bias1a = register_parameter("bias1a", torch::zeros({1}));
    bias2a = register_parameter("bias2a", torch::zeros({1}));
  }
  if (options.why_no_drop_path().empty()) {
    drop_path_ = register_module("drop_path", DropPath());
  }
}

torch::Tensor ConvBlockImpl::run(const torch::Tensor& x, nn::Conv2d& conv,
                                 nn::BatchNorm2d& norm, Epilogue epilogue,
                                 const ExtraPadding& padding) {
  const bool relu = activation_ == Activation::kRelu;
  torch::Tensor y;
  if (norm) {
    epilogue.relu = relu;
    y = ops_.conv_bn(x, conv, norm, epilogue, padding);
    return relu ? y : activate(y, activation_);
  }
  y = convolution(x, conv, ops_.kernels(), padding);
  if (epilogue.gate.defined()) y = y * epilogue.gate;
  if (epilogue.residual.defined()) y = y + epilogue.residual;
  return activate(y, activation_);
}

torch::Tensor ConvBlockImpl::past(const torch::Tensor& x) const {
  if (!skip) return pad_shortcut(x, out_, stride_, /*at_end=*/true);
  // A strided 1x1 needs no padding: it samples every stride-th pixel.
  return project(shifted(x, bias1a), skip, ops_);
}

torch::Tensor ConvBlockImpl::factors(const torch::Tensor& branch) const {
  const auto dropped =
      drop_path_ ? drop_path_->factors(branch) : torch::Tensor();
  if (!scale.defined()) return dropped;
  const auto all = in_type_of_images(scale, branch).unsqueeze(-1).unsqueeze(-1);
  if (dropped.defined()) return all * dropped;
  // The same for all images, which only our kernels have to be told.
  return ops_.fused() ? all.unsqueeze(0).expand({branch.size(0), -1, -1, -1})
                      : all;
}

torch::Tensor ConvBlockImpl::forward(const torch::Tensor& x) {
  const auto y = shifted(
      run(shifted(x, bias1a), conv1, bn1, {}, same_padding(x, 3, stride_)),
      bias2a);
  switch (shortcut_) {
    case ConvShortcut::kProjection:
    case ConvShortcut::kIdentity:
    case ConvShortcut::kSkipInit:
    case ConvShortcut::kLayerScale:
      return run(y, conv2, bn2, {.gate = factors(y), .residual = past(x)}, {});
    case ConvShortcut::kNone:
      return run(y, conv2, bn2, {}, {});
    case ConvShortcut::kReZero:
      return past(x) + factors(y) * run(y, conv2, bn2, {}, {});
    case ConvShortcut::kHighway: {
      const auto branch = run(y, conv2, bn2, {}, {});
      const auto carried = past(x);
      const auto t = torch::sigmoid(ops_.conv(x, transform));
      return carried + t * (branch - carried);
    }
    case ConvShortcut::kDense:
      return torch::cat(
          {mean_pool(ops_.fused() ? as_channels_last(x) : x, stride_),
           run(y, conv2, bn2, {}, {})},
          1);
  }
  TORCH_CHECK(false, "unknown shortcut");
}

}  // namespace skipzoo
