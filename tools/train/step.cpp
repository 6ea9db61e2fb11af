#include "tools/train/step.h"

#include <torch/nn/functional/loss.h>

#include "models/classifier.h"
#include "tools/train/precision.h"

namespace skipzoo {

namespace {

torch::Tensor smoothed_cross_entropy(const torch::Tensor& logits,
                                     const torch::Tensor& labels,
                                     double smoothing) {
  return torch::nn::functional::cross_entropy(
      logits, labels,
      torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(
          smoothing));
}

}  // namespace

TrainingStep::Result TrainingStep::operator()(const torch::Tensor& images,
                                              const torch::Tensor& labels,
                                              double lr) {
  torch::Tensor logits;
  {
    const Autocast autocast(options_.amp, images.device());
    logits = model_.forward(images);
  }
  const auto loss = smoothed_cross_entropy(logits.to(torch::kFloat), labels,
                                           options_.label_smoothing);
  optimizer_.zero_grad();
  loss.backward();
  optimizer_.step(lr);
  return {loss.detach(), logits.detach()};
}

}  // namespace skipzoo
