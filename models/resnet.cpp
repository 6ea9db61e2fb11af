#include "models/resnet.h"

#include "models/kernels/batch_norm_relu.h"
#include "models/kernels/convolution.h"
#include "models/layers.h"

namespace skipzoo {

namespace nn = torch::nn;

namespace {

bool needs_projection(Shortcut shortcut, int64_t in, int64_t out,
                      int64_t stride) {
  return shortcut == Shortcut::kC ||
         (shortcut == Shortcut::kB && (stride != 1 || in != out));
}

/// What goes past F(x); null in the plain network.
torch::Tensor past(const torch::Tensor& x, int64_t out,
                   nn::Sequential& downsample, Shortcut shortcut,
                   int64_t stride, Kernels kernels) {
  if (shortcut == Shortcut::kNone) return {};
  if (downsample) return project(x, downsample, kernels);
  return pad_shortcut(x, out, stride, shortcut == Shortcut::kAEnd);
}

template <typename Block>
nn::Sequential make_stage(int64_t in, int64_t width, int64_t depth,
                          int64_t stride, const ResNetOptions& options) {
  nn::Sequential stage;
  for (int64_t i = 0; i < depth; ++i) {
    stage->push_back(Block(i == 0 ? in : width * Block::Impl::kExpansion, width,
                           i == 0 ? stride : 1, options));
  }
  return stage;
}

}  // namespace

void ResNetOptions::validate(Problems& problems) const {
  if (depths.empty())
    problems.push_back("depths is empty; give one entry per stage");
  if (depths.size() != widths.size()) {
    problems.push_back("depths has " + std::to_string(depths.size()) +
                       " entries but widths has " +
                       std::to_string(widths.size()) +
                       "; give one width per stage");
  }
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
  for (size_t i = 0; i < widths.size(); ++i) {
    const bool pads = shortcut == Shortcut::kA || shortcut == Shortcut::kAEnd;
    if (pads && i > 0 && widths[i] < widths[i - 1]) {
      problems.push_back("shortcut A pads channels, so widths must not fall: " +
                         std::to_string(widths[i - 1]) + " then " +
                         std::to_string(widths[i]));
    }
    if (bottleneck && widths[i] * width_per_group / 64 < 1) {
      problems.push_back("width_per_group " + std::to_string(width_per_group) +
                         " leaves no channel at width " +
                         std::to_string(widths[i]));
    }
  }
}

BasicBlockImpl::BasicBlockImpl(int64_t in, int64_t width, int64_t stride,
                               const ResNetOptions& options)
    : conv1(register_module("conv1", conv3x3(in, width, stride))),
      bn1(register_module("bn1", nn::BatchNorm2d(width))),
      conv2(register_module("conv2", conv3x3(width, width))),
      bn2(register_module("bn2", nn::BatchNorm2d(width))),
      shortcut_(options.shortcut),
      stride_(stride),
      kernels_(options.kernels) {
  if (needs_projection(shortcut_, in, width, stride)) {
    downsample = register_module("downsample", projection(in, width, stride));
  }
}

torch::Tensor BasicBlockImpl::forward(const torch::Tensor& x) {
  auto residual =
      batch_norm_relu(convolution(x, conv1, kernels_), bn1, {}, kernels_);
  residual = convolution(residual, conv2, kernels_);
  return batch_norm_relu(
      residual, bn2,
      past(x, residual.size(1), downsample, shortcut_, stride_, kernels_),
      kernels_);
}

BottleneckImpl::BottleneckImpl(int64_t in, int64_t width, int64_t stride,
                               const ResNetOptions& options)
    : shortcut_(options.shortcut), stride_(stride), kernels_(options.kernels) {
  const int64_t out = width * kExpansion;
  const int64_t inner = width * options.width_per_group / 64 * options.groups;
  conv1 = register_module("conv1", conv1x1(in, inner));
  bn1 = register_module("bn1", nn::BatchNorm2d(inner));
  conv2 =
      register_module("conv2", conv3x3(inner, inner, stride, options.groups));
  bn2 = register_module("bn2", nn::BatchNorm2d(inner));
  conv3 = register_module("conv3", conv1x1(inner, out));
  bn3 = register_module("bn3", nn::BatchNorm2d(out));
  if (needs_projection(shortcut_, in, out, stride)) {
    downsample = register_module("downsample", projection(in, out, stride));
  }
}

torch::Tensor BottleneckImpl::forward(const torch::Tensor& x) {
  auto residual =
      batch_norm_relu(convolution(x, conv1, kernels_), bn1, {}, kernels_);
  residual = batch_norm_relu(convolution(residual, conv2, kernels_), bn2, {},
                             kernels_);
  residual = convolution(residual, conv3, kernels_);
  return batch_norm_relu(
      residual, bn3,
      past(x, residual.size(1), downsample, shortcut_, stride_, kernels_),
      kernels_);
}

ResNetImpl::ResNetImpl(const ResNetOptions& options)
    : stem_(options.stem), kernels_(options.kernels) {
  Problems problems;
  options.validate(problems);
  TORCH_CHECK(problems.empty(), "ResNetOptions: ", problems.front());

  int64_t channels = options.widths.front();
  if (stem_ == Stem::kImageNet) {
    conv1 = nn::Conv2d(nn::Conv2dOptions(options.in_channels, channels, 7)
                           .stride(2)
                           .padding(3)
                           .bias(false));
  } else {
    conv1 = conv3x3(options.in_channels, channels);
  }
  register_module("conv1", conv1);
  bn1 = register_module("bn1", nn::BatchNorm2d(channels));

  for (size_t i = 0; i < options.depths.size(); ++i) {
    const int64_t width = options.widths[i];
    const int64_t stride = i == 0 ? 1 : 2;
    const auto make =
        options.bottleneck ? make_stage<Bottleneck> : make_stage<BasicBlock>;
    stages.push_back(register_module(
        "layer" + std::to_string(i + 1),
        make(channels, width, options.depths[i], stride, options)));
    channels = options.bottleneck ? width * BottleneckImpl::kExpansion : width;
  }
  fc = register_module("fc", nn::Linear(channels, options.num_classes));

  initialise_he(*this, Fan::kOut);
  if (options.zero_init_residual) {
    torch::NoGradGuard no_grad;
    for (const auto& module : modules(/*include_self=*/false)) {
      if (auto* block = module->as<BasicBlock>()) block->bn2->weight.zero_();
      if (auto* block = module->as<Bottleneck>()) block->bn3->weight.zero_();
    }
  }
}

torch::Tensor ResNetImpl::forward(const torch::Tensor& images) {
  auto x =
      batch_norm_relu(convolution(images, conv1, kernels_), bn1, {}, kernels_);
  if (stem_ == Stem::kImageNet) x = torch::max_pool2d(x, 3, 2, 1);
  for (auto& stage : stages) x = stage->forward(x);
  x = torch::adaptive_avg_pool2d(x, {1, 1});
  return fc(x.flatten(1));
}

void ResNetImpl::reset_head(int64_t num_classes) {
  fc = replace_module("fc", linear_like(fc, num_classes));
}

std::vector<std::string> ResNetImpl::block_names() const {
  return names_of_modules<BasicBlock, Bottleneck>(*this);
}

}  // namespace skipzoo
