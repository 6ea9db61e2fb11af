#pragma once

#include <vector>

#include "models/tensor.h"

namespace skipzoo {

// What update rules are made of, beside at::_foreach_*. A learning rate is a
// scalar of the device, so that nothing is read back.

/// parameters -= lr * updates; the updates are used up.
void descend(at::TensorList parameters, at::TensorList updates,
             const torch::Tensor& lr);
/// parameters *= 1 - lr * weight_decay (arXiv:1711.05101, algorithm 2).
void decay(at::TensorList parameters, const torch::Tensor& lr,
           double weight_decay);
/// Scalars of equal type, as one float64 tensor (N).
torch::Tensor stacked(at::TensorList scalars);
/// 1 - beta^step of each, (N): Kingma & Ba 2015 (arXiv:1412.6980), section 3.
torch::Tensor bias_correction(double beta, const torch::Tensor& steps);
/// square_avgs: decayed by beta, plus (1 - beta) * gradients^2.
void average_squares(at::TensorList square_avgs, at::TensorList gradients,
                     double beta);

}  // namespace skipzoo
