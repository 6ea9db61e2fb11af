#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/pow.h>

#include "tools/train/foreach.h"
#include "tools/train/update_rule.h"

namespace skipzoo {

namespace {

class NadamW : public UpdateRule {
 public:
  explicit NadamW(const OptimizerOptions& options) : options_(options) {}

  std::vector<Slot> slots() const override {
    return {{.name = "exp_avg"},
            {.name = "exp_avg_sq"},
            {.name = "step", .kind = Slot::Kind::kScalar},
            {.name = "mu_product", .kind = Slot::Kind::kProduct}};
  }

  void apply(const Update& update) const override {
    const auto& exp_avgs = update.slots[0];
    const auto& exp_avg_sqs = update.slots[1];
    const auto& mu_products = update.slots[3];
    at::_foreach_add_(update.slots[2], 1);
    const auto steps = stacked(update.slots[2]);
    const auto mu = momentum_at(steps);
    const auto mu_next = momentum_at(steps + 1);
    at::_foreach_mul_(mu_products, mu.unbind());
    const auto product = stacked(mu_products);

    decay(update.parameters, update.lr, update.weight_decay);
    at::_foreach_lerp_(exp_avgs, update.gradients, 1 - options_.betas[0]);
    average_squares(exp_avg_sqs, update.gradients, options_.betas[1]);
    const auto deviations = at::_foreach_sqrt(exp_avg_sqs);
    at::_foreach_div_(
        deviations, bias_correction(options_.betas[1], steps).sqrt().unbind());
    at::_foreach_add_(deviations, options_.eps);

    const auto updates =
        at::_foreach_mul(update.gradients, ((1 - mu) / (1 - product)).unbind());
    at::_foreach_add_(
        updates, at::_foreach_mul(
                     exp_avgs, (mu_next / (1 - product * mu_next)).unbind()));
    at::_foreach_div_(updates, deviations);
    descend(update.parameters, updates, update.lr);
  }

 private:
  /// The momentum of a step, which rises to beta1; PyTorch's momentum_decay.
  torch::Tensor momentum_at(const torch::Tensor& steps) const {
    constexpr double kMomentumDecay = 4e-3;
    return options_.betas[0] *
           (1 - 0.5 * at::pow(0.96, steps * kMomentumDecay));
  }

  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_nadamw(const OptimizerOptions& options) {
  return std::make_unique<NadamW>(options);
}

}  // namespace skipzoo
