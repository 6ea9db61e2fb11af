#include "tools/run/embedding.h"

#include <ATen/ops/eye.h>
#include <c10/core/GradMode.h>

#include <stdexcept>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/error.h"
#include "tools/run/ensemble.h"
#include "tools/train/preprocessing.h"
#include "tools/weights/fit.h"

namespace skipzoo {

namespace {

torch::Tensor parameter(Classifier& model, const std::string& name) {
  for (const auto& one : model.named_parameters()) {
    if (one.key() == name) return one.value();
  }
  throw std::logic_error("no parameter " + name);
}

}  // namespace

Forward embedding_of(const LoadedNetwork& network) {
  if (network.is_program()) {
    throw ConfigError(
        "an exported program gives the classes alone; for what is before its "
        "last layer give the run folder or checkpoint");
  }
  refuse_ensemble(network, "what is before the last layer");
  const c10::NoGradGuard no_grad;
  const std::shared_ptr<Classifier> model = make_model(network.config.model);
  copy_exactly(state_dict(*network.model), *model);
  // A last layer that hands on what it gets: each sum has one term that is not
  // zero, so that nothing is rounded, and every family takes part.
  const auto head = model->head_name();
  const auto features = parameter(*model, head + ".weight").size(1);
  model->reset_head(features);
  parameter(*model, head + ".weight").copy_(at::eye(features));
  parameter(*model, head + ".bias").zero_();
  move_to(*model, network.device, network.config.train.channels_last);
  return [model, forward = forward_of(*model, network.config.train.amp)](
             const torch::Tensor& images) { return forward(images); };
}

}  // namespace skipzoo
