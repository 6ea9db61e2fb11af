#include "models/dpn.h"

#include <algorithm>
#include <utility>

#include "models/layers.h"
#include "models/residual.h"

namespace skipzoo {

namespace nn = torch::nn;

namespace {

/// The authors' and timm's epsilon.
nn::BatchNorm2d dual_path_norm(int64_t channels) {
  return nn::BatchNorm2d(nn::BatchNorm2dOptions(channels).eps(1e-3));
}

/// A module of other modules under names, which computes nothing itself.
struct NamedPartsImpl : nn::Module {
  torch::Tensor forward(const torch::Tensor& x) { return x; }
};
TORCH_MODULE(NamedParts);

/// Channels of the 3x3 in a stage.
int64_t inner_width(const DPNOptions& options, size_t stage) {
  return options.bottleneck_width * options.widths[stage] /
         options.widths.front();
}

}  // namespace

torch::Tensor DualPath::joined() const {
  std::vector<torch::Tensor> all = {residual};
  all.insert(all.end(), dense.begin(), dense.end());
  return torch::cat(all, 1);
}

void DPNOptions::validate(Problems& problems) const {
  if (depths.empty()) {
    problems.emplace_back("depths is empty; give one entry per stage");
    return;
  }
  if (widths.size() != depths.size() || growth_rates.size() != depths.size()) {
    problems.push_back(c10::str("depths has ", depths.size(),
                                " entries, widths ", widths.size(),
                                " and growth_rates ", growth_rates.size(),
                                "; give one of each per stage"));
    return;
  }
  for (size_t i = 0; i < widths.size(); ++i) {
    const int64_t inner = inner_width(*this, i);
    if (inner < 1 || inner % groups != 0) {
      problems.push_back(c10::str(
          "stage ", i + 1, "'s 3x3 has ", inner,
          " channels (bottleneck_width times width over the first width), "
          "which groups: ",
          groups, " does not divide"));
    }
  }
  if (stem == Stem::kImageNet && stem_kernel % 2 == 0) {
    problems.push_back(c10::str("stem_kernel is ", stem_kernel,
                                "; an odd side, 3 or 7, has a middle"));
  }
}

NormedConvImpl::NormedConvImpl(int64_t in, Kernels kernels)
    : bn(register_module("bn", dual_path_norm(in))), ops_(kernels) {}

NormedConvImpl::NormedConvImpl(int64_t in, const nn::Conv2d& convolution,
                               Kernels kernels)
    : NormedConvImpl(in, kernels) {
  conv = register_module("conv", convolution);
}

torch::Tensor NormedConvImpl::forward(const torch::Tensor& x) {
  const auto y = ops_.bn_relu(x, bn);
  return conv ? ops_.conv(y, conv) : y;
}

DualPathBlockImpl::DualPathBlockImpl(const DualPathShape& shape,
                                     const DPNOptions& options)
    : width_(shape.width), ops_(options.kernels) {
  const auto add = [&](const char* name, int64_t in, const nn::Conv2d& conv) {
    return register_module(name, NormedConv(in, conv, options.kernels));
  };
  if (shape.opens_stage) {
    projection =
        add(shape.stride == 1 ? "c1x1_w_s1" : "c1x1_w_s2", shape.in,
            conv1x1(shape.in, shape.width + 2 * shape.growth, shape.stride));
  }
  c1x1_a = add("c1x1_a", shape.in, conv1x1(shape.in, shape.inner));
  c3x3_b = add("c3x3_b", shape.inner,
               conv3x3(shape.inner, shape.inner, shape.stride, options.groups));
  if (options.split_output) {
    c1x1_c =
        register_module("c1x1_c", NormedConv(shape.inner, options.kernels));
    c1x1_c1 = register_module("c1x1_c1", conv1x1(shape.inner, shape.width));
    c1x1_c2 = register_module("c1x1_c2", conv1x1(shape.inner, shape.growth));
  } else {
    c1x1_c = add("c1x1_c", shape.inner,
                 conv1x1(shape.inner, shape.width + shape.growth));
  }
}

DualPath DualPathBlockImpl::forward(const torch::Tensor& joined,
                                    DualPath path) {
  if (projection) {
    auto [residual, dense] = parts(projection(joined));
    path = {std::move(residual), {std::move(dense)}};
  }
  const auto y = c1x1_c(c3x3_b(c1x1_a(joined)));
  auto [added, dense] = c1x1_c1.is_empty() ? parts(y)
                                           : std::pair(ops_.conv(y, c1x1_c1),
                                                       ops_.conv(y, c1x1_c2));
  path.dense.push_back(std::move(dense));
  return {path.residual + added, std::move(path.dense)};
}

std::pair<torch::Tensor, torch::Tensor> DualPathBlockImpl::parts(
    const torch::Tensor& y) const {
  if (!ops_.fused()) return {y.slice(1, 0, width_), y.slice(1, width_)};
  // The gradients of these are joined in one pass; those of slices would each
  // be written among zeros, and then added.
  const auto both = y.split_with_sizes({width_, y.size(1) - width_}, 1);
  return {both[0], both[1]};
}

DPNImpl::DPNImpl(const DPNOptions& options)
    : stem_(options.stem), ops_(options.kernels) {
  Problems problems;
  options.validate(problems);
  TORCH_CHECK(problems.empty(), "DPNOptions: ", problems.front());

  int64_t channels = options.num_init_features;
  const bool is_large = stem_ == Stem::kImageNet;
  const int64_t side = is_large ? options.stem_kernel : 3;
  stem_conv = nn::Conv2d(nn::Conv2dOptions(options.in_channels, channels, side)
                             .stride(is_large ? 2 : 1)
                             .padding(side / 2)
                             .bias(false));
  stem_norm = dual_path_norm(channels);
  NamedParts stem;
  stem->register_module("conv", stem_conv);
  stem->register_module("bn", stem_norm);
  features->push_back("conv1_1", stem);
  for (size_t i = 0; i < options.depths.size(); ++i) {
    const int64_t width = options.widths[i], growth = options.growth_rates[i];
    for (int64_t block = 0; block < options.depths[i]; ++block) {
      const bool opens = block == 0;
      blocks.emplace_back(DualPathShape{.in = channels,
                                        .inner = inner_width(options, i),
                                        .width = width,
                                        .growth = growth,
                                        .stride = opens && i > 0 ? 2 : 1,
                                        .opens_stage = opens},
                          options);
      features->push_back(
          "conv" + std::to_string(i + 2) + "_" + std::to_string(block + 1),
          blocks.back().ptr());
      channels = opens ? width + 3 * growth : channels + growth;
    }
  }
  norm = dual_path_norm(channels);
  NamedParts end;
  end->register_module("bn", norm);
  features->push_back(
      "conv" + std::to_string(options.depths.size() + 1) + "_bn_ac", end);
  register_module("features", features);
  classifier =
      register_module("classifier", nn::Linear(channels, options.num_classes));
  initialise_he(*features, Fan::kIn);
}

torch::Tensor DPNImpl::forward_features(const torch::Tensor& images) {
  auto x = run_stem(images, stem_, stem_conv, stem_norm, ops_);
  DualPath path;
  for (auto& block : blocks) {
    path = block(x, std::move(path));
    x = path.joined();
  }
  return ops_.bn_relu(x, norm);
}

torch::Tensor DPNImpl::forward_head(const torch::Tensor& maps) {
  return classifier(torch::adaptive_avg_pool2d(maps, {1, 1}).flatten(1));
}

torch::Tensor DPNImpl::forward(const torch::Tensor& images) {
  return forward_head(forward_features(images));
}

void DPNImpl::reset_head(int64_t num_classes) {
  classifier =
      replace_module("classifier", linear_like(classifier, num_classes));
}

std::vector<std::string> DPNImpl::block_names() const {
  return names_of_modules<DualPathBlock>(*this);
}

}  // namespace skipzoo
