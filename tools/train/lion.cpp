#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_sign.h>

#include "tools/train/foreach.h"
#include "tools/train/update_rule.h"

namespace skipzoo {

namespace {

class Lion : public UpdateRule {
 public:
  explicit Lion(const OptimizerOptions& options) : options_(options) {}

  std::vector<Slot> slots() const override { return {{.name = "exp_avg"}}; }

  void apply(const Update& update) const override {
    const auto& exp_avgs = update.slots[0];
    decay(update.parameters, update.lr, update.weight_decay);
    const auto steps =
        at::_foreach_lerp(exp_avgs, update.gradients, 1 - options_.betas[0]);
    at::_foreach_sign_(steps);
    descend(update.parameters, steps, update.lr);
    at::_foreach_lerp_(exp_avgs, update.gradients, 1 - options_.betas[1]);
  }

 private:
  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_lion(const OptimizerOptions& options) {
  return std::make_unique<Lion>(options);
}

}  // namespace skipzoo
