#pragma once

#include "models/classifier.h"
#include "models/eval_mode.h"
#include "models/kernels/kernels.h"

namespace skipzoo {

/// What a network makes of images in evaluation by the reference kernels.
inline torch::Tensor reference(Classifier& model, const torch::Tensor& images) {
  const EvalMode eval(model);
  const torch::NoGradGuard no_grad;
  const ReferenceOnly reference_only;
  return model.forward(images);
}

}  // namespace skipzoo
