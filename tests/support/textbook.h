#pragma once

#include "models/classifier.h"
#include "models/eval_mode.h"
#include "models/kernels/kernels.h"

namespace skipzoo {

/// What a network makes of images in evaluation by LibTorch's operators.
inline torch::Tensor textbook(Classifier& model, const torch::Tensor& images) {
  const EvalMode eval(model);
  const torch::NoGradGuard no_grad;
  const TextbookOnly textbook;
  return model.forward(images);
}

}  // namespace skipzoo
