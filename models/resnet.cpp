#include "models/resnet.h"

#include <utility>

#include "models/layers.h"

namespace skipzoo {

namespace nn = torch::nn;

void ResNetOptions::validate(Problems& problems) const {
  validate_stages(depths, widths, shortcut, problems);
  if (!bottleneck && (groups != 1 || width_per_group != 64)) {
    problems.push_back(
        "groups and width_per_group need bottleneck: true; a basic block has "
        "neither");
  }
  if (shortcut == Shortcut::kNone && zero_init_residual) {
    problems.push_back(
        "zero_init_residual with shortcut: none makes every block output zero "
        "for ever; drop one of the two");
  }
  const bool projects = shortcut == Shortcut::kB || shortcut == Shortcut::kC;
  if (avg_down && !projects) {
    problems.push_back(c10::str("avg_down is of projections, and shortcut: ",
                                name_of(shortcut), " has none; take B"));
  }
  if (blur_pool && bottleneck && stride_in_1x1) {
    problems.emplace_back(
        "blur_pool halves the size behind the 3x3, stride_in_1x1 before it; "
        "drop one of the two");
  }
  if (deep_stem && !widths.empty() && widths.front() % 2 != 0) {
    problems.push_back(
        c10::str("deep_stem has half of the first stage's channels, which are ",
                 widths.front(), "; take an even number"));
  }
  for (size_t i = 0; bottleneck && i < widths.size(); ++i) {
    if (widths[i] * width_per_group / 64 < 1) {
      problems.push_back("width_per_group " + std::to_string(width_per_group) +
                         " leaves no channel at width " +
                         std::to_string(widths[i]));
    }
  }
}

namespace {

BranchOptions branch_options(const ResNetOptions& options) {
  return {.shortcut = options.shortcut,
          .avg_down = options.avg_down,
          .attention = options.attention,
          .se_reduction = options.se_reduction,
          .se_divisor = options.se_divisor};
}

/// Whether a blur halves the size of this block.
bool blurs(const BlockShape& shape, const ResNetOptions& options) {
  return options.blur_pool && shape.stride == 2;
}

/// Strides of a bottleneck's first 1x1 and of its 3x3.
std::pair<int64_t, int64_t> strides_of(const BlockShape& shape,
                                       const ResNetOptions& options) {
  if (blurs(shape, options)) return {1, 1};
  if (options.stride_in_1x1) return {shape.stride, 1};
  return {1, shape.stride};
}

/// conv - norm - ReLU twice, then a convolution: the 7x7's place.
nn::Sequential deep_convolution(int64_t in, int64_t out) {
  const int64_t half = out / 2;
  return nn::Sequential(conv3x3(in, half, /*stride=*/2), nn::BatchNorm2d(half),
                        nn::ReLU(), conv3x3(half, half), nn::BatchNorm2d(half),
                        nn::ReLU(), conv3x3(half, out));
}

/// The layer of that kind in a place of a Sequential.
template <typename Layer, typename Impl>
Layer layer_at(const nn::Sequential& layers, size_t place) {
  return Layer(std::dynamic_pointer_cast<Impl>(layers->ptr(place)));
}

/// Channels between the 1x1 convolutions of a bottleneck.
int64_t inner_channels(int64_t width, const ResNetOptions& options) {
  return width * options.width_per_group / 64 * options.groups;
}

}  // namespace

BasicBlockImpl::BasicBlockImpl(const BlockShape& shape,
                               const ResNetOptions& options)
    : conv1(register_module("conv1",
                            conv3x3(shape.in, shape.width,
                                    blurs(shape, options) ? 1 : shape.stride))),
      bn1(register_module("bn1", nn::BatchNorm2d(shape.width))),
      conv2(register_module("conv2", conv3x3(shape.width, shape.width))),
      bn2(register_module("bn2", nn::BatchNorm2d(shape.width))),
      end(*this, shape, shape.width, branch_options(options)),
      blurs_(blurs(shape, options)),
      ops_(options.kernels) {}

torch::Tensor BasicBlockImpl::forward(const torch::Tensor& x) {
  auto branch = ops_.bn_relu(ops_.conv(x, conv1), bn1);
  if (blurs_) branch = blur_pool(branch);
  branch = ops_.conv(branch, conv2);
  return end(branch, bn2, x, ops_);
}

BottleneckImpl::BottleneckImpl(const BlockShape& shape,
                               const ResNetOptions& options)
    : BottleneckImpl(shape, inner_channels(shape.width, options), options) {}

BottleneckImpl::BottleneckImpl(const BlockShape& shape, int64_t inner,
                               const ResNetOptions& options)
    : conv1(register_module(
          "conv1", conv1x1(shape.in, inner, strides_of(shape, options).first))),
      bn1(register_module("bn1", nn::BatchNorm2d(inner))),
      conv2(register_module(
          "conv2", conv3x3(inner, inner, strides_of(shape, options).second,
                           options.groups))),
      bn2(register_module("bn2", nn::BatchNorm2d(inner))),
      conv3(register_module("conv3", conv1x1(inner, shape.width * kExpansion))),
      bn3(register_module("bn3", nn::BatchNorm2d(shape.width * kExpansion))),
      end(*this, shape, shape.width * kExpansion, branch_options(options)),
      blurs_(blurs(shape, options)),
      ops_(options.kernels) {}

torch::Tensor BottleneckImpl::forward(const torch::Tensor& x) {
  auto branch = ops_.bn_relu(ops_.conv(x, conv1), bn1);
  branch = ops_.bn_relu(ops_.conv(branch, conv2), bn2);
  if (blurs_) branch = blur_pool(branch);
  branch = ops_.conv(branch, conv3);
  return end(branch, bn3, x, ops_);
}

ResNetImpl::ResNetImpl(const ResNetOptions& options)
    : stem_(options.stem),
      blurs_(options.blur_pool),
      drop_rate_(options.drop_rate),
      ops_(options.kernels) {
  Problems problems;
  options.validate(problems);
  TORCH_CHECK(problems.empty(), "ResNetOptions: ", problems.front());

  const int64_t first = options.widths.front();
  const bool is_large = stem_ == Stem::kImageNet;
  if (options.deep_stem && is_large) {
    deep_conv1 =
        register_module("conv1", deep_convolution(options.in_channels, first));
  } else {
    conv1 = register_module(
        "conv1", stem_convolution(stem_, options.in_channels, first));
  }
  bn1 = register_module("bn1", nn::BatchNorm2d(first));
  stages = options.bottleneck ? make_stages<Bottleneck>(*this, first, options)
                              : make_stages<BasicBlock>(*this, first, options);
  const int64_t expansion = options.bottleneck ? BottleneckImpl::kExpansion
                                               : BasicBlockImpl::kExpansion;
  fc = register_module(
      "fc", nn::Linear(options.widths.back() * expansion, options.num_classes));

  initialise_he(*this, Fan::kOut);
  if (options.zero_init_residual) {
    torch::NoGradGuard no_grad;
    for (const auto& module : modules(/*include_self=*/false)) {
      if (auto* block = module->as<BasicBlock>()) block->bn2->weight.zero_();
      if (auto* block = module->as<Bottleneck>()) block->bn3->weight.zero_();
    }
  }
}

torch::Tensor ResNetImpl::stem_of(const torch::Tensor& images) {
  if (stem_ == Stem::kCifar || (!deep_conv1 && !blurs_)) {
    return run_stem(images, stem_, conv1, bn1, ops_);
  }
  auto x = images;
  if (deep_conv1) {
    for (const size_t place : {0UL, 3UL}) {
      auto conv = layer_at<nn::Conv2d, nn::Conv2dImpl>(deep_conv1, place);
      auto norm =
          layer_at<nn::BatchNorm2d, nn::BatchNorm2dImpl>(deep_conv1, place + 1);
      x = ops_.bn_relu(ops_.conv(x, conv), norm);
    }
    auto last = layer_at<nn::Conv2d, nn::Conv2dImpl>(deep_conv1, 6);
    x = ops_.conv(x, last);
  } else {
    x = ops_.conv(x, conv1);
  }
  return blurs_ ? stem_pool(ops_.bn_relu(x, bn1), blurs_)
                : ops_.bn_relu_pool(x, bn1);
}

torch::Tensor ResNetImpl::forward_features(const torch::Tensor& images) {
  auto x = stem_of(images);
  for (auto& stage : stages) x = stage->forward(x);
  return x;
}

torch::Tensor ResNetImpl::forward_head(const torch::Tensor& maps) {
  auto features = torch::adaptive_avg_pool2d(maps, {1, 1}).flatten(1);
  if (drop_rate_ > 0 && is_training()) {
    features = torch::dropout(features, drop_rate_, /*train=*/true);
  }
  return fc(features);
}

torch::Tensor ResNetImpl::forward(const torch::Tensor& images) {
  return forward_head(forward_features(images));
}

void ResNetImpl::reset_head(int64_t num_classes) {
  fc = replace_module("fc", linear_like(fc, num_classes));
}

std::vector<std::string> ResNetImpl::block_names() const {
  return names_of_modules<BasicBlock, Bottleneck>(*this);
}

}  // namespace skipzoo
