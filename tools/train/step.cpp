#include "tools/train/step.h"

#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/zeros_like.h>
#include <torch/types.h>

#include <algorithm>

#include "models/classifier.h"
#include "models/drop_path.h"
#include "models/kernels/kernels.h"
#include "tools/train/clip.h"
#include "tools/train/precision.h"

namespace skipzoo {

TrainingStep::TrainingStep(Classifier& model, Optimizer& optimizer,
                           const TrainOptions& options,
                           std::shared_ptr<Collective> collective,
                           Teacher teacher)
    : model_(model),
      optimizer_(optimizer),
      amp_(options.amp),
      objective_(make_objective(options)),
      mean_by_(make_mean_by(options)),
      distill_(options.distill),
      teacher_(std::move(teacher)),
      clip_grad_(options.clip_grad),
      clip_mode_(options.clip_mode),
      collective_(std::move(collective)) {
  set_drop_path(model_, options.drop_path);
  const auto device = model.parameters().front().device();
  if (amp_ == Amp::kFp16) scaler_.emplace(device);
  if (options.sync_bn) statistics_ = statistics_sum(collective_, device);
}

torch::Tensor TrainingStep::logits_of(const torch::Tensor& images,
                                      bool is_few) {
  const SharedStatistics shared(statistics_);
  // Fused operators do not take so few, and all processes must have the same
  // ones: their BatchNorms meet each other.
  std::optional<ReferenceOnly> reference;
  if (statistics_ && is_few) reference.emplace();
  const Autocast autocast(amp_, images.device());
  return model_.forward(images);
}

TrainingStep::Result TrainingStep::add_gradient(const torch::Tensor& images,
                                                const Targets& targets,
                                                bool is_few,
                                                const torch::Tensor& weight,
                                                GradientReduction* reduction) {
  if (reduction != nullptr) reduction->before_forward();
  torch::Tensor loss, logits;
  if (images.size(0) == 0) {
    loss = nothing_of(images);
  } else {
    logits = logits_of(images, is_few);
    const bool is_double = logits.scalar_type() == torch::kDouble;
    const auto numbers = is_double ? logits : logits.to(torch::kFloat);
    loss = objective_(numbers, targets);
    if (teacher_.logits && distill_.weight > 0) {
      loss = distilled_loss(loss, numbers, teacher_.logits(images), distill_);
    }
  }
  const auto weighted = weight.defined() ? loss * weight : loss;
  const auto scaled = scaler_ ? scaler_->scale(weighted) : weighted;
  if (reduction != nullptr) reduction->before_backward(scaled);
  scaled.backward();
  return {loss.detach(), logits.defined() ? logits.detach() : logits};
}

torch::Tensor TrainingStep::nothing_of(const torch::Tensor& images) {
  auto nothing = statistics_ ? logits_of(images, /*is_few=*/true).sum()
                             : torch::zeros({}, images.options());
  for (const auto& parameter : model_.parameters()) {
    if (!parameter.requires_grad()) continue;
    nothing = nothing + (parameter * 0).sum().to(nothing.scalar_type());
  }
  return nothing;
}

torch::Tensor TrainingStep::share_of(const Targets& targets) {
  if (collective_->size() == 1) return {};
  const torch::NoGradGuard no_grad;
  const auto own = mean_by_(targets);
  auto all = own.clone();
  collective_->sum(all);
  // Pictures that count for nothing are a step of nothing.
  return own * static_cast<double>(collective_->size()) /
         torch::where(all.eq(0), torch::ones_like(all), all);
}

TrainingStep::Result TrainingStep::operator()(const torch::Tensor& images,
                                              const Targets& targets,
                                              bool is_few) {
  pictures_ = 0;
  optimizer_.zero_grad();
  auto* const during = reduction();
  auto result =
      add_gradient(images, targets, is_few, share_of(targets), during);
  if (during == nullptr) sum_gradients();
  finish();
  return result;
}

TrainingStep::Result TrainingStep::accumulate(const torch::Tensor& images,
                                              const Targets& targets,
                                              bool is_few) {
  if (pictures_ == 0) optimizer_.zero_grad();
  pictures_ += images.size(0);
  return add_gradient(
      images, targets, is_few,
      torch::full({}, static_cast<double>(images.size(0)), torch::kDouble)
          .to(images.device()));
}

std::optional<ReductionTimes> TrainingStep::reduction_times() {
  return reduction_ ? reduction_->times() : std::nullopt;
}

void TrainingStep::drop_parts() {
  pictures_ = 0;
  optimizer_.zero_grad();
}

bool TrainingStep::update() {
  const int64_t pictures = pictures_of_all(pictures_);
  if (pictures == 0) return false;
  if (pictures_ == 0) optimizer_.zero_grad();
  pictures_ = 0;
  sum_gradients();
  at::_foreach_div_(
      optimizer_.gradients(),
      static_cast<double>(pictures) / static_cast<double>(collective_->size()));
  finish();
  return true;
}

StateSection TrainingStep::section() {
  return {.name = "accumulation",
          .save = [this]() -> NamedTensors {
            if (pictures_ == 0) return {};
            NamedTensors state = {
                {"pictures", torch::full({}, pictures_, torch::kLong)}};
            for (const auto& [name, parameter] : optimizer_.with_gradient()) {
              state.emplace_back("gradient." + name, parameter.grad());
            }
            return state;
          },
          .load =
              [this](const NamedTensors& saved) {
                constexpr std::string_view kPrefix = "gradient.";
                optimizer_.zero_grad();
                for (const auto& [name, tensor] : saved) {
                  if (name == "pictures" && tensor.numel() == 1) {
                    pictures_ = tensor.item<int64_t>();
                  } else {
                    optimizer_.set_gradient(
                        name.substr(std::min(kPrefix.size(), name.size())),
                        tensor);
                  }
                }
              },
          .is_optional = true};
}

StateSection TrainingStep::scaler_section() {
  return {
      .name = "loss_scaler",
      .save = [this] { return scaler_ ? scaler_->state() : NamedTensors{}; },
      .load =
          [this](const NamedTensors& saved) {
            if (scaler_) scaler_->load_state(saved);
          },
      .is_optional = true};
}

void TrainingStep::finish() {
  std::optional<torch::Tensor> found_inf;
  if (scaler_) {
    found_inf = scaler_->unscale(optimizer_.gradients());
    scaler_->update();
  }
  if (clip_grad_ > 0) {
    clip_gradients(optimizer_.with_gradient(), clip_grad_, clip_mode_,
                   model_.head_name());
  }
  optimizer_.step(found_inf);
}

int64_t TrainingStep::pictures_of_all(int64_t here) {
  if (collective_->size() == 1) return here;
  auto all = torch::full({}, here,
                         at::TensorOptions(torch::kLong)
                             .device(model_.parameters().front().device()));
  collective_->sum(all);
  return all.item<int64_t>();
}

void TrainingStep::sum_gradients() {
  if (collective_->size() == 1) return;
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model_.parameters()) {
    if (!parameter.requires_grad()) continue;
    auto& gradient = parameter.mutable_grad();
    if (!gradient.defined()) gradient = at::zeros_like(parameter);
    collective_->sum(gradient);
    gradient.div_(static_cast<double>(collective_->size()));
  }
}

GradientReduction* TrainingStep::reduction() {
  if (collective_->size() == 1) return nullptr;
  std::vector<torch::Tensor> parameters;
  std::vector<const void*> are;
  for (const auto& parameter : model_.parameters()) {
    if (!parameter.requires_grad()) continue;
    parameters.push_back(parameter);
    are.push_back(parameter.unsafeGetTensorImpl());
  }
  if (are != reduced_) {
    reduction_.reset();  // Its hooks would be called as well.
    reduction_ = collective_->reduction(std::move(parameters));
    reduced_ = std::move(are);
  }
  return reduction_.get();
}

}  // namespace skipzoo
