#include "tools/train/loss_scaler.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_amp_update_scale.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <stdexcept>

namespace skipzoo {

namespace {

constexpr const char* kScale = "scale";
constexpr const char* kTracker = "growth_tracker";

}  // namespace

LossScaler::LossScaler(torch::Device device, const LossScaling& options)
    : options_(options) {
  const auto scalar = at::TensorOptions(device);
  scale_ = at::full({}, options.init_scale, scalar.dtype(at::kFloat));
  growth_tracker_ = at::zeros({}, scalar.dtype(at::kInt));
  found_inf_ = at::zeros({}, scalar.dtype(at::kFloat));
}

torch::Tensor LossScaler::scale(const torch::Tensor& loss) const {
  return loss * scale_;
}

const torch::Tensor& LossScaler::unscale(
    const std::vector<torch::Tensor>& gradients) {
  const at::NoGradGuard no_grad;
  found_inf_.zero_();
  // Of a double: as GradScaler, for scales that are no power of two.
  const auto inverse = scale_.to(at::kDouble).reciprocal().to(at::kFloat);
  at::_amp_foreach_non_finite_check_and_unscale_(gradients, found_inf_,
                                                 inverse);
  return found_inf_;
}

void LossScaler::update() {
  const at::NoGradGuard no_grad;
  at::_amp_update_scale_(scale_, growth_tracker_, found_inf_,
                         options_.growth_factor, options_.backoff_factor,
                         options_.growth_interval);
}

NamedTensors LossScaler::state() const {
  return {{kScale, scale_}, {kTracker, growth_tracker_}};
}

void LossScaler::load_state(const NamedTensors& saved) {
  const auto find = [&](const char* wanted, at::ScalarType type) {
    for (const auto& [name, tensor] : saved) {
      if (name == wanted && tensor.numel() == 1 &&
          tensor.scalar_type() == type) {
        return tensor.reshape({});
      }
    }
    throw std::runtime_error("the loss scaler has no fitting " +
                             std::string(wanted));
  };
  const auto scale = find(kScale, at::kFloat);
  const auto tracker = find(kTracker, at::kInt);
  const float value = scale.item<float>();
  if (!(value > 0) || !std::isfinite(value) || tracker.item<int>() < 0) {
    throw std::runtime_error("the loss scaler's state is no usable number");
  }
  scale_.copy_(scale);
  growth_tracker_.copy_(tracker);
}

}  // namespace skipzoo
