#include "tools/train/foreach.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/stack.h>

namespace skipzoo {

void descend(at::TensorList parameters, at::TensorList updates,
             const torch::Tensor& lr) {
  at::_foreach_mul_(updates, lr);
  at::_foreach_sub_(parameters, updates);
}

void decay(at::TensorList parameters, const torch::Tensor& lr,
           double weight_decay) {
  if (weight_decay != 0) at::_foreach_mul_(parameters, 1 - lr * weight_decay);
}

torch::Tensor stacked(at::TensorList scalars) {
  return at::stack(scalars).to(at::kDouble);
}

torch::Tensor bias_correction(double beta, const torch::Tensor& steps) {
  return 1 - at::pow(beta, steps);
}

void average_squares(at::TensorList square_avgs, at::TensorList gradients,
                     double beta) {
  at::_foreach_mul_(square_avgs, beta);
  at::_foreach_addcmul_(square_avgs, gradients, gradients, 1 - beta);
}

}  // namespace skipzoo
