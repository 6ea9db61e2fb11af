#include "models/resnet.h"

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
  return {.shortcut = options.shortcut};
}

/// Channels between the 1x1 convolutions of a bottleneck.
int64_t inner_channels(int64_t width, const ResNetOptions& options) {
  return width * options.width_per_group / 64 * options.groups;
}

}  // namespace

BasicBlockImpl::BasicBlockImpl(const BlockShape& shape,
                               const ResNetOptions& options)
    : conv1(register_module("conv1",
                            conv3x3(shape.in, shape.width, shape.stride))),
      bn1(register_module("bn1", nn::BatchNorm2d(shape.width))),
      conv2(register_module("conv2", conv3x3(shape.width, shape.width))),
      bn2(register_module("bn2", nn::BatchNorm2d(shape.width))),
      end(*this, shape, shape.width, branch_options(options)),
      ops_(options.kernels) {}

torch::Tensor BasicBlockImpl::forward(const torch::Tensor& x) {
  auto branch = ops_.bn_relu(ops_.conv(x, conv1), bn1);
  branch = ops_.conv(branch, conv2);
  return end(branch, bn2, x, ops_);
}

BottleneckImpl::BottleneckImpl(const BlockShape& shape,
                               const ResNetOptions& options)
    : BottleneckImpl(shape, inner_channels(shape.width, options), options) {}

BottleneckImpl::BottleneckImpl(const BlockShape& shape, int64_t inner,
                               const ResNetOptions& options)
    : conv1(register_module("conv1", conv1x1(shape.in, inner))),
      bn1(register_module("bn1", nn::BatchNorm2d(inner))),
      conv2(register_module(
          "conv2", conv3x3(inner, inner, shape.stride, options.groups))),
      bn2(register_module("bn2", nn::BatchNorm2d(inner))),
      conv3(register_module("conv3", conv1x1(inner, shape.width * kExpansion))),
      bn3(register_module("bn3", nn::BatchNorm2d(shape.width * kExpansion))),
      end(*this, shape, shape.width * kExpansion, branch_options(options)),
      ops_(options.kernels) {}

torch::Tensor BottleneckImpl::forward(const torch::Tensor& x) {
  auto branch = ops_.bn_relu(ops_.conv(x, conv1), bn1);
  branch = ops_.bn_relu(ops_.conv(branch, conv2), bn2);
  branch = ops_.conv(branch, conv3);
  return end(branch, bn3, x, ops_);
}

ResNetImpl::ResNetImpl(const ResNetOptions& options)
    : stem_(options.stem), ops_(options.kernels) {
  Problems problems;
  options.validate(problems);
  TORCH_CHECK(problems.empty(), "ResNetOptions: ", problems.front());

  const int64_t first = options.widths.front();
  conv1 = register_module("conv1",
                          stem_convolution(stem_, options.in_channels, first));
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

torch::Tensor ResNetImpl::forward_features(const torch::Tensor& images) {
  auto x = run_stem(images, stem_, conv1, bn1, ops_);
  for (auto& stage : stages) x = stage->forward(x);
  return x;
}

torch::Tensor ResNetImpl::forward_head(const torch::Tensor& maps) {
  return fc(torch::adaptive_avg_pool2d(maps, {1, 1}).flatten(1));
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
