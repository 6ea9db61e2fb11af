#include "tools/train/step.h"

#include <ATen/ops/_foreach_div.h>

#include <algorithm>

#include "models/classifier.h"
#include "models/drop_path.h"
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
      distill_(options.distill),
      teacher_(std::move(teacher)),
      clip_grad_(options.clip_grad),
      clip_mode_(options.clip_mode),
      collective_(std::move(collective)) {
  set_drop_path(model_, options.drop_path);
  if (amp_ == Amp::kFp16) scaler_.emplace(model.parameters().front().device());
}

TrainingStep::Result TrainingStep::add_gradient(const torch::Tensor& images,
                                                const Targets& targets,
                                                double weight) {
  torch::Tensor logits;
  {
    const Autocast autocast(amp_, images.device());
    logits = model_.forward(images);
  }
  const bool is_double = logits.scalar_type() == torch::kDouble;
  const auto numbers = is_double ? logits : logits.to(torch::kFloat);
  auto loss = objective_(numbers, targets);
  if (teacher_.logits && distill_.weight > 0) {
    loss = distilled_loss(loss, numbers, teacher_.logits(images), distill_);
  }
  const auto weighted = weight == 1 ? loss : loss * weight;
  (scaler_ ? scaler_->scale(weighted) : weighted).backward();
  return {loss.detach(), logits.detach()};
}

TrainingStep::Result TrainingStep::operator()(const torch::Tensor& images,
                                              const Targets& targets) {
  pictures_ = 0;
  optimizer_.zero_grad();
  auto result = add_gradient(images, targets, 1);
  finish();
  return result;
}

TrainingStep::Result TrainingStep::accumulate(const torch::Tensor& images,
                                              const Targets& targets) {
  if (pictures_ == 0) optimizer_.zero_grad();
  pictures_ += images.size(0);
  return add_gradient(images, targets, static_cast<double>(images.size(0)));
}

bool TrainingStep::update() {
  if (pictures_ == 0) return false;
  at::_foreach_div_(optimizer_.gradients(), static_cast<double>(pictures_));
  pictures_ = 0;
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
  average_gradients();
  const bool is_finite = !scaler_ || scaler_->unscale(optimizer_.gradients());
  if (scaler_) scaler_->update();
  if (!is_finite) return;
  if (clip_grad_ > 0) {
    clip_gradients(optimizer_.with_gradient(), clip_grad_, clip_mode_,
                   model_.head_name());
  }
  optimizer_.step();
}

void TrainingStep::average_gradients() {
  if (collective_->size() == 1) return;
  const torch::NoGradGuard no_grad;
  for (auto& gradient : optimizer_.gradients()) {
    collective_->sum(gradient);
    gradient.div_(static_cast<double>(collective_->size()));
  }
}

}  // namespace skipzoo
