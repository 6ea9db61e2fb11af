#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/where.h>

#include "tools/train/foreach.h"
#include "tools/train/update_rule.h"

namespace skipzoo {

namespace {

/// The norm of each parameter by that of its update, (N); 1 where one is 0.
torch::Tensor trust_ratios(at::TensorList parameters, at::TensorList updates) {
  const auto weight_norm = stacked(at::_foreach_norm(parameters));
  const auto update_norm = stacked(at::_foreach_norm(updates));
  return at::where((weight_norm > 0).logical_and(update_norm > 0),
                   weight_norm / update_norm, 1);
}

class Lamb : public UpdateRule {
 public:
  explicit Lamb(const OptimizerOptions& options) : options_(options) {}

  std::vector<Slot> slots() const override {
    return {{.name = "exp_avg"},
            {.name = "exp_avg_sq"},
            {.name = "step", .kind = Slot::Kind::kScalar}};
  }

  void apply(const Update& update) const override {
    const auto& exp_avgs = update.slots[0];
    const auto& exp_avg_sqs = update.slots[1];
    at::_foreach_add_(update.slots[2], 1);
    const auto steps = stacked(update.slots[2]);
    const double beta1 = options_.betas[0], beta2 = options_.betas[1];
    at::_foreach_lerp_(exp_avgs, update.gradients, 1 - beta1);
    average_squares(exp_avg_sqs, update.gradients, beta2);

    const auto deviations = at::_foreach_sqrt(exp_avg_sqs);
    at::_foreach_div_(deviations,
                      bias_correction(beta2, steps).sqrt().unbind());
    at::_foreach_add_(deviations, options_.eps);
    const auto updates =
        at::_foreach_div(exp_avgs, bias_correction(beta1, steps).unbind());
    at::_foreach_div_(updates, deviations);
    if (update.weight_decay != 0) {
      at::_foreach_add_(updates, update.parameters, update.weight_decay);
      at::_foreach_mul_(updates,
                        trust_ratios(update.parameters, updates).unbind());
    }
    descend(update.parameters, updates, update.lr);
  }

 private:
  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_lamb(const OptimizerOptions& options) {
  return std::make_unique<Lamb>(options);
}

}  // namespace skipzoo
