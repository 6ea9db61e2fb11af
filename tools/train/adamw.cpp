#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_fused_adamw.h>

#include "tools/train/update_rule.h"

namespace skipzoo {

namespace {

/// Adam with decoupled weight decay: Loshchilov & Hutter 2019
/// (arXiv:1711.05101).
class AdamW : public UpdateRule {
 public:
  explicit AdamW(const OptimizerOptions& options) : options_(options) {}

  std::vector<Slot> slots() const override {
    return {{.name = "exp_avg"},
            {.name = "exp_avg_sq"},
            {.name = "step", .kind = Slot::Kind::kScalar}};
  }

  bool heeds_found_inf() const override { return true; }

  void apply(const Update& update) const override {
    const auto& steps = update.slots[2];
    if (update.found_inf) {
      at::_foreach_add_(steps, 1 - *update.found_inf);
    } else {
      at::_foreach_add_(steps, 1);
    }
    at::_fused_adamw_(update.parameters, update.gradients, update.slots[0],
                      update.slots[1], /*max_exp_avg_sqs=*/{}, steps, update.lr,
                      options_.betas[0], options_.betas[1], update.weight_decay,
                      options_.eps, /*amsgrad=*/false, /*maximize=*/false,
                      /*grad_scale=*/{}, update.found_inf);
  }

 private:
  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_adamw(const OptimizerOptions& options) {
  return std::make_unique<AdamW>(options);
}

}  // namespace skipzoo
