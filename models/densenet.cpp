#include "models/densenet.h"

#include <cmath>

#include "models/kernels/ops/dense_block.h"
#include "models/layers.h"
#include "models/residual.h"

namespace skipzoo {

namespace nn = torch::nn;

namespace {

/// Channels behind a transition (section 3, "Compression").
int64_t compressed(int64_t channels, double compression) {
  return static_cast<int64_t>(
      std::floor(static_cast<double>(channels) * compression));
}

}  // namespace

void DenseNetOptions::validate(Problems& problems) const {
  if (block_config.empty()) {
    problems.push_back("block_config is empty; give one entry per dense block");
  }
  int64_t channels = num_init_features;
  for (size_t i = 0; i + 1 < block_config.size(); ++i) {
    channels =
        compressed(channels + block_config[i] * growth_rate, compression);
    if (channels < 1) {
      problems.push_back("compression " + std::to_string(compression) +
                         " leaves no channel after block " +
                         std::to_string(i + 1));
      return;
    }
  }
}

DenseLayerImpl::DenseLayerImpl(int64_t in, const DenseNetOptions& options)
    : drop_rate_(options.drop_rate),
      drops_inside_(options.drop_after == DropAfter::kConvolutions),
      ops_(options.kernels) {
  const int64_t out = options.growth_rate;
  norm1 = register_module("norm1", nn::BatchNorm2d(in));
  if (options.bn_size > 0) {
    const int64_t inner = options.bn_size * out;
    conv1 = register_module("conv1", conv1x1(in, inner));
    norm2 = register_module("norm2", nn::BatchNorm2d(inner));
    conv2 = register_module("conv2", conv3x3(inner, out));
  } else {
    conv1 = register_module("conv1", conv3x3(in, out));
  }
}

torch::Tensor DenseLayerImpl::forward(const torch::Tensor& x) {
  const bool drops = drop_rate_ > 0 && is_training();
  const auto drop = [&](const torch::Tensor& y) {
    return drops ? torch::dropout(y, drop_rate_, /*train=*/true) : y;
  };
  auto y = ops_.conv(ops_.bn_relu(x, norm1), conv1);
  if (norm2) {
    if (drops_inside_) y = drop(y);
    y = ops_.conv(ops_.bn_relu(y, norm2), conv2);
  }
  return drop(y);
}

DenseBlockImpl::DenseBlockImpl(int64_t in, int64_t count,
                               const DenseNetOptions& options)
    : drop_rate_(options.drop_rate),
      drops_inside_(options.drop_after == DropAfter::kConvolutions),
      ops_(options.kernels) {
  for (int64_t i = 0; i < count; ++i) {
    layers.push_back(
        register_module("denselayer" + std::to_string(i + 1),
                        DenseLayer(in + i * options.growth_rate, options)));
  }
}

torch::Tensor DenseBlockImpl::forward(const torch::Tensor& x) {
  if (ops_.fused()) {
    std::vector<DenseLayerParts> parts;
    for (const auto& layer : layers) {
      parts.push_back({layer->norm1, layer->conv1, layer->norm2, layer->conv2});
    }
    const DenseDropout dropout{.rate = is_training() ? drop_rate_ : 0,
                               .inside = drops_inside_};
    if (dense_block_applies(x, parts, dropout)) {
      return dense_block(x, parts, dropout);
    }
  }
  std::vector<torch::Tensor> features = {x};
  for (auto& layer : layers) features.push_back(layer(torch::cat(features, 1)));
  return torch::cat(features, 1);
}

TransitionImpl::TransitionImpl(int64_t in, int64_t out,
                               const DenseNetOptions& options)
    : norm(register_module("norm", nn::BatchNorm2d(in))),
      conv(register_module("conv", conv1x1(in, out))),
      drop_rate_(options.drop_after == DropAfter::kConvolutions
                     ? options.drop_rate
                     : 0),
      blurs_(options.blur_pool),
      ops_(options.kernels) {}

torch::Tensor TransitionImpl::halved(const torch::Tensor& x) const {
  return blurs_ ? blur_pool(x) : torch::avg_pool2d(x, 2);
}

torch::Tensor TransitionImpl::forward(const torch::Tensor& x) {
  const auto y = ops_.bn_relu(x, norm);
  if (drop_rate_ > 0 && is_training()) {
    return halved(torch::dropout(ops_.conv(y, conv), drop_rate_, true));
  }
  // Both are linear, and the one does not look beyond a pixel: the mean of a
  // convolution is the convolution of the mean, of a quarter of the pixels.
  return ops_.fused() ? ops_.conv(halved(y), conv) : halved(conv(y));
}

DenseNetImpl::DenseNetImpl(const DenseNetOptions& options)
    : stem_(options.stem), blurs_(options.blur_pool), ops_(options.kernels) {
  Problems problems;
  options.validate(problems);
  TORCH_CHECK(problems.empty(), "DenseNetOptions: ", problems.front());

  const auto add = [this](std::string name, const auto& module) {
    features->push_back(std::move(name), module.ptr());
    return module;
  };
  int64_t channels = options.num_init_features;
  if (options.deep_stem && stem_ == Stem::kImageNet) {
    const int64_t inner = options.growth_rate;
    conv0 = add("conv0", conv3x3(options.in_channels, inner, /*stride=*/2));
    norm0 = add("norm0", nn::BatchNorm2d(inner));
    conv1 = add("conv1", conv3x3(inner, inner));
    norm1 = add("norm1", nn::BatchNorm2d(inner));
    conv2 = add("conv2", conv3x3(inner, channels));
    norm2 = add("norm2", nn::BatchNorm2d(channels));
  } else {
    conv0 =
        add("conv0", stem_convolution(stem_, options.in_channels, channels));
    if (stem_ == Stem::kImageNet) {
      norm0 = add("norm0", nn::BatchNorm2d(channels));
    }
  }
  const auto& layers = options.block_config;
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto number = std::to_string(i + 1);
    blocks.push_back(
        add("denseblock" + number, DenseBlock(channels, layers[i], options)));
    channels += layers[i] * options.growth_rate;
    if (i + 1 == layers.size()) break;
    const int64_t kept = compressed(channels, options.compression);
    transitions.push_back(
        add("transition" + number, Transition(channels, kept, options)));
    channels = kept;
  }
  norm5 = add("norm5", nn::BatchNorm2d(channels));
  register_module("features", features);
  classifier =
      register_module("classifier", nn::Linear(channels, options.num_classes));

  initialise_he(*this, Fan::kIn);
  torch::NoGradGuard no_grad;
  classifier->bias.zero_();
}

torch::Tensor DenseNetImpl::stem_of(const torch::Tensor& images) {
  if (stem_ == Stem::kCifar) return ops_.conv(images, conv0);
  auto x = ops_.conv(images, conv0);
  if (conv1) {
    x = ops_.conv(ops_.bn_relu(x, norm0), conv1);
    x = ops_.conv(ops_.bn_relu(x, norm1), conv2);
  }
  auto& last = conv1 ? norm2 : norm0;
  return blurs_ ? stem_pool(ops_.bn_relu(x, last), blurs_)
                : ops_.bn_relu_pool(x, last);
}

torch::Tensor DenseNetImpl::forward_features(const torch::Tensor& images) {
  auto x = stem_of(images);
  for (size_t i = 0; i < blocks.size(); ++i) {
    x = blocks[i](x);
    if (i < transitions.size()) x = transitions[i](x);
  }
  return ops_.bn_relu(x, norm5);
}

torch::Tensor DenseNetImpl::forward_head(const torch::Tensor& maps) {
  return classifier(torch::adaptive_avg_pool2d(maps, {1, 1}).flatten(1));
}

torch::Tensor DenseNetImpl::forward(const torch::Tensor& images) {
  return forward_head(forward_features(images));
}

void DenseNetImpl::reset_head(int64_t num_classes) {
  classifier =
      replace_module("classifier", linear_like(classifier, num_classes));
  torch::NoGradGuard no_grad;
  classifier->bias.zero_();
}

std::vector<std::string> DenseNetImpl::block_names() const {
  return names_of_modules<DenseLayer>(*this);
}

}  // namespace skipzoo
