#include "tools/train/step.h"

#include "models/classifier.h"
#include "tools/train/precision.h"

namespace skipzoo {

TrainingStep::TrainingStep(Classifier& model, Optimizer& optimizer,
                           const TrainOptions& options,
                           std::shared_ptr<Collective> collective)
    : model_(model),
      optimizer_(optimizer),
      amp_(options.amp),
      objective_(make_objective(options)),
      collective_(std::move(collective)) {}

TrainingStep::Result TrainingStep::operator()(const torch::Tensor& images,
                                              const Targets& targets) {
  torch::Tensor logits;
  {
    const Autocast autocast(amp_, images.device());
    logits = model_.forward(images);
  }
  const auto loss = objective_(logits.to(torch::kFloat), targets);
  optimizer_.zero_grad();
  loss.backward();
  average_gradients();
  optimizer_.step();
  return {loss.detach(), logits.detach()};
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
