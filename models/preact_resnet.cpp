#include "models/preact_resnet.h"

#include "models/layers.h"

namespace skipzoo {

namespace nn = torch::nn;

void PreActResNetOptions::validate(Problems& problems) const {
  validate_stages(depths, widths, shortcut, problems);
  const bool pads = shortcut == Shortcut::kA || shortcut == Shortcut::kAEnd;
  const int64_t first =
      widths.empty() ? 0 : widths.front() * (bottleneck ? 4 : 1);
  if (pads && stem_width > first && first > 0) {
    problems.push_back(c10::str(
        "shortcut A pads channels, so the first stage must not have less than "
        "the stem: ",
        stem_width, " then ", first));
  }
  if (bottleneck && drop_rate > 0) {
    problems.emplace_back(
        "drop_rate is of blocks of two 3x3; a bottleneck has one: drop one of "
        "the two");
  }
}

PreActEnd::PreActEnd(nn::Module& block, const BlockShape& shape, int64_t out,
                     Shortcut shortcut)
    : shortcut_(shortcut, shape.in, out, shape.stride),
      is_identity_(shape.in == out && shape.stride == 1 &&
                   !shortcut_.projects()) {
  if (shortcut_.projects()) {
    downsample_ = block.register_module(
        "downsample", nn::Sequential(conv1x1(shape.in, out, shape.stride)));
  }
  if (shortcut != Shortcut::kNone) {
    drop_path_ = block.register_module("drop_path", DropPath());
  }
}

torch::Tensor PreActEnd::operator()(const torch::Tensor& branch,
                                    const torch::Tensor& x,
                                    const torch::Tensor& activated,
                                    const Ops& ops) const {
  const auto past =
      shortcut_.forward(is_identity_ ? x : activated, downsample_, ops);
  if (!past.defined()) return branch;
  const auto factors =
      drop_path_ ? drop_path_->factors(branch) : torch::Tensor();
  return past + (factors.defined() ? branch * factors : branch);
}

PreActBlockImpl::PreActBlockImpl(const BlockShape& shape,
                                 const PreActResNetOptions& options)
    : bn1(register_module("bn1", nn::BatchNorm2d(shape.in))),
      conv1(register_module("conv1",
                            conv3x3(shape.in, shape.width, shape.stride))),
      bn2(register_module("bn2", nn::BatchNorm2d(shape.width))),
      conv2(register_module("conv2", conv3x3(shape.width, shape.width))),
      end(*this, shape, shape.width, options.shortcut),
      drop_rate_(options.drop_rate),
      ops_(options.kernels) {}

torch::Tensor PreActBlockImpl::forward(const torch::Tensor& x) {
  const auto activated = ops_.bn_relu(x, bn1);
  auto branch = ops_.bn_relu(ops_.conv(activated, conv1), bn2);
  if (drop_rate_ > 0 && is_training()) {
    branch = torch::dropout(branch, drop_rate_, /*train=*/true);
  }
  return end(ops_.conv(branch, conv2), x, activated, ops_);
}

PreActBottleneckImpl::PreActBottleneckImpl(const BlockShape& shape,
                                           const PreActResNetOptions& options)
    : bn1(register_module("bn1", nn::BatchNorm2d(shape.in))),
      conv1(register_module("conv1",
                            conv1x1(shape.in, shape.width,
                                    options.stride_in_1x1 ? shape.stride : 1))),
      bn2(register_module("bn2", nn::BatchNorm2d(shape.width))),
      conv2(register_module("conv2",
                            conv3x3(shape.width, shape.width,
                                    options.stride_in_1x1 ? 1 : shape.stride))),
      bn3(register_module("bn3", nn::BatchNorm2d(shape.width))),
      conv3(register_module("conv3",
                            conv1x1(shape.width, shape.width * kExpansion))),
      end(*this, shape, shape.width * kExpansion, options.shortcut),
      ops_(options.kernels) {}

torch::Tensor PreActBottleneckImpl::forward(const torch::Tensor& x) {
  const auto activated = ops_.bn_relu(x, bn1);
  auto branch = ops_.bn_relu(ops_.conv(activated, conv1), bn2);
  branch = ops_.bn_relu(ops_.conv(branch, conv2), bn3);
  return end(ops_.conv(branch, conv3), x, activated, ops_);
}

PreActResNetImpl::PreActResNetImpl(const PreActResNetOptions& options)
    : stem_(options.stem), ops_(options.kernels) {
  Problems problems;
  options.validate(problems);
  TORCH_CHECK(problems.empty(), "PreActResNetOptions: ", problems.front());

  const int64_t first =
      options.stem_width > 0 ? options.stem_width : options.widths.front();
  conv1 = register_module("conv1",
                          stem_convolution(stem_, options.in_channels, first));
  stages = options.bottleneck
               ? make_stages<PreActBottleneck>(*this, first, options)
               : make_stages<PreActBlock>(*this, first, options);
  const int64_t features =
      options.widths.back() * (options.bottleneck
                                   ? PreActBottleneckImpl::kExpansion
                                   : PreActBlockImpl::kExpansion);
  if (options.final_norm) {
    norm = register_module("norm", nn::BatchNorm2d(features));
  }
  fc = register_module("fc", nn::Linear(features, options.num_classes));
  initialise_he(*this, Fan::kOut);
}

torch::Tensor PreActResNetImpl::forward_features(const torch::Tensor& images) {
  nn::BatchNorm2d none{nullptr};
  auto x = run_stem(images, stem_, conv1, none, ops_);
  for (auto& stage : stages) x = stage->forward(x);
  return norm ? ops_.bn_relu(x, norm) : x;
}

torch::Tensor PreActResNetImpl::forward_head(const torch::Tensor& maps) {
  return fc(torch::adaptive_avg_pool2d(maps, {1, 1}).flatten(1));
}

torch::Tensor PreActResNetImpl::forward(const torch::Tensor& images) {
  return forward_head(forward_features(images));
}

void PreActResNetImpl::reset_head(int64_t num_classes) {
  fc = replace_module("fc", linear_like(fc, num_classes));
}

std::vector<std::string> PreActResNetImpl::block_names() const {
  return names_of_modules<PreActBlock, PreActBottleneck>(*this);
}

}  // namespace skipzoo
