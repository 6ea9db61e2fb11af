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

torch::Tensor project(const torch::Tensor& x, const nn::Sequential& projection,
                      const Ops& ops) {
  nn::Conv2d conv(
      std::dynamic_pointer_cast<nn::Conv2dImpl>(projection->ptr(0)));
  if (projection->size() == 1) return ops.conv(x, conv);
  nn::BatchNorm2d norm(
      std::dynamic_pointer_cast<nn::BatchNorm2dImpl>(projection->ptr(1)));
  return ops.conv_bn(x, conv, norm, {});
}

torch::Tensor pad_shortcut(const torch::Tensor& x, int64_t out, int64_t stride,
                           bool at_end) {
  const auto sampled = every_pixel(x, stride);
  const int64_t zeros = out - x.size(1);
  if (zeros == 0) return sampled;
  const int64_t before = at_end ? 0 : zeros / 2;
  return at::constant_pad_nd(sampled, {0, 0, 0, 0, before, zeros - before});
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
