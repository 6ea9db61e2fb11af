#include "models/layers.h"

namespace skipzoo {

namespace nn = torch::nn;

nn::Conv2d conv3x3(int64_t in, int64_t out, int64_t stride, int64_t groups) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 3)
                        .stride(stride)
                        .padding(1)
                        .groups(groups)
                        .bias(false));
}

nn::Conv2d conv1x1(int64_t in, int64_t out, int64_t stride) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 1).stride(stride).bias(false));
}

nn::Sequential projection(int64_t in, int64_t out, int64_t stride) {
  return nn::Sequential(conv1x1(in, out, stride), nn::BatchNorm2d(out));
}

nn::Sequential pooled_projection(int64_t in, int64_t out, int64_t stride) {
  nn::Sequential layers;
  if (stride == 1) {
    layers->push_back(nn::Identity());
  } else {
    layers->push_back(nn::AvgPool2d(nn::AvgPool2dOptions(2)
                                        .stride(stride)
                                        .ceil_mode(true)
                                        .count_include_pad(false)));
  }
  layers->push_back(conv1x1(in, out));
  layers->push_back(nn::BatchNorm2d(out));
  return layers;
}

torch::Tensor project(const torch::Tensor& x, const nn::Sequential& projection,
                      const Ops& ops) {
  const size_t first = projection->size() == 3 ? 1 : 0;
  auto* pool = projection->ptr(0)->as<nn::AvgPool2d>();
  const auto input = pool == nullptr ? x : pool->forward(x);
  nn::Conv2d conv(
      std::dynamic_pointer_cast<nn::Conv2dImpl>(projection->ptr(first)));
  if (projection->size() == 1) return ops.conv(input, conv);
  nn::BatchNorm2d norm(std::dynamic_pointer_cast<nn::BatchNorm2dImpl>(
      projection->ptr(first + 1)));
  return ops.conv_bn(input, conv, norm, {});
}

torch::Tensor pad_shortcut(const torch::Tensor& x, int64_t out, int64_t stride,
                           bool at_end) {
  const auto sampled = every_pixel(x, stride);
  const int64_t zeros = out - x.size(1);
  if (zeros == 0) return sampled;
  const int64_t before = at_end ? 0 : zeros / 2;
  return at::constant_pad_nd(sampled, {0, 0, 0, 0, before, zeros - before});
}

namespace {

/// With the second in front of the first and the last but one behind the last,
/// of that dimension: reflection_pad2d() of what exports know.
torch::Tensor mirrored_at_ends(const torch::Tensor& x, int64_t dimension) {
  return torch::cat({x.slice(dimension, 1, 2), x, x.slice(dimension, -2, -1)},
                    dimension);
}

}  // namespace

torch::Tensor blur_pool(const torch::Tensor& x) {
  // (1, 2, 1) / 4 is (1, 1) / 2 twice.
  const auto mirrored = mirrored_at_ends(mirrored_at_ends(x, 2), 3);
  const auto once =
      torch::avg_pool2d(mirrored, /*kernel_size=*/2, /*stride=*/1);
  return torch::avg_pool2d(once, /*kernel_size=*/2, /*stride=*/2);
}

torch::Tensor stem_pool(const torch::Tensor& x, bool blurs) {
  return blurs ? blur_pool(torch::max_pool2d(x, 3, 1, 1))
               : torch::max_pool2d(x, 3, 2, 1);
}

void initialise_he(nn::Module& root, Fan fan) {
  torch::NoGradGuard no_grad;
  const auto mode = fan == Fan::kOut
                        ? torch::nn::init::FanModeType(torch::kFanOut)
                        : torch::nn::init::FanModeType(torch::kFanIn);
  for (const auto& module : root.modules(/*include_self=*/false)) {
    if (auto* conv = module->as<nn::Conv2d>()) {
      nn::init::kaiming_normal_(conv->weight, 0, mode, torch::kReLU);
    } else if (auto* norm = module->as<nn::BatchNorm2d>()) {
      norm->weight.fill_(1);
      norm->bias.zero_();
    }
  }
}

nn::Linear linear_like(const nn::Linear& old, int64_t outputs) {
  nn::Linear fresh(old->options.in_features(), outputs);
  fresh->to(old->weight.device(), old->weight.scalar_type());
  return fresh;
}

}  // namespace skipzoo
