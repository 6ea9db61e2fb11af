#pragma once

#include <torch/nn.h>

#include <memory>

#include "models/classifier.h"
#include "models/make_model.h"
#include "models/model_options.h"

namespace skipzoo {

/// A network whose norms are not the identity.
inline std::shared_ptr<Classifier> trained(const ModelOptions& options) {
  torch::manual_seed(3);
  auto model = make_model(options);
  const torch::NoGradGuard no_grad;
  for (const auto& buffer : model->named_buffers()) {
    if (buffer.key().ends_with("running_mean")) buffer.value().normal_(0, 0.2);
    if (buffer.key().ends_with("running_var")) buffer.value().uniform_(0.5, 2);
  }
  for (const auto& parameter : model->named_parameters()) {
    if (parameter.value().dim() == 1)
      parameter.value().add_(0.2 * torch::randn(parameter.value().sizes()));
  }
  return model;
}

}  // namespace skipzoo
