#include "models/grad_cam.h"

#include <torch/autograd.h>

#include "models/classifier.h"
#include "models/eval_mode.h"

namespace skipzoo {

namespace {

/// That of each class's score in the maps (N, features, h, w). Through the head
/// alone, which is all of the network that stands behind them.
torch::Tensor gradient_in(const torch::Tensor& maps, Classifier& model,
                          const torch::Tensor& classes) {
  const torch::AutoGradMode with_gradients(true);
  const auto leaf = maps.detach().requires_grad_(true);
  const auto logits = model.forward_head(leaf);
  const auto scores = logits.gather(1, classes.unsqueeze(1));
  return torch::autograd::grad({scores.sum()}, {leaf})[0];
}

}  // namespace

torch::Tensor grad_cam(Classifier& model, const torch::Tensor& images,
                       const torch::Tensor& classes) {
  const EvalMode as_evaluated(model);
  const torch::NoGradGuard no_grad;
  const auto maps = model.forward_features(images);
  const auto gradient = gradient_in(maps, model, classes);
  const auto weights = gradient.mean({2, 3}, /*keepdim=*/true);
  const auto heat = (weights * maps).sum(1).relu_();
  const auto most = heat.amax({1, 2}, /*keepdim=*/true);
  return heat.div(most.masked_fill(most.eq(0), 1)).nan_to_num_(0, 0, 0);
}

}  // namespace skipzoo
