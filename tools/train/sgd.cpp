#include <ATen/ops/_fused_sgd.h>

#include "tools/train/update_rule.h"

namespace skipzoo {

namespace {

/// Sutskever et al. 2013 in PyTorch's form, dampening 0.
class Sgd : public UpdateRule {
 public:
  explicit Sgd(const OptimizerOptions& options) : options_(options) {}

  /// Momentum of zeros makes a first step without a special case: 0 * m + g.
  std::vector<Slot> slots() const override {
    return {{.name = "momentum_buffer", .is_idle = options_.momentum == 0}};
  }

  bool heeds_found_inf() const override { return true; }

  void apply(const Update& update) const override {
    const bool has_momentum = options_.momentum != 0;
    at::_fused_sgd_(
        update.parameters, update.gradients,
        has_momentum ? update.slots[0] : std::vector<torch::Tensor>{},
        update.weight_decay, options_.momentum, update.lr, /*dampening=*/0,
        options_.nesterov, /*maximize=*/false, /*is_first_step=*/false,
        /*grad_scale=*/{}, update.found_inf);
  }

 private:
  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_sgd(const OptimizerOptions& options) {
  return std::make_unique<Sgd>(options);
}

}  // namespace skipzoo
