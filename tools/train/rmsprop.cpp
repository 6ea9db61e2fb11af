#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>

#include "tools/train/foreach.h"
#include "tools/train/update_rule.h"

namespace skipzoo {

namespace {

class Rmsprop : public UpdateRule {
 public:
  explicit Rmsprop(const OptimizerOptions& options) : options_(options) {}

  std::vector<Slot> slots() const override {
    return {{.name = "square_avg"},
            {.name = "momentum_buffer", .is_idle = options_.momentum == 0}};
  }

  void apply(const Update& update) const override {
    const auto& square_avgs = update.slots[0];
    const auto& momenta = update.slots[1];
    auto steps = at::_foreach_add(update.gradients, update.parameters,
                                  update.weight_decay);
    average_squares(square_avgs, steps, options_.alpha);
    const auto deviations = at::_foreach_sqrt(square_avgs);
    at::_foreach_add_(deviations, options_.eps);
    at::_foreach_div_(steps, deviations);
    if (options_.momentum != 0) {
      at::_foreach_mul_(momenta, options_.momentum);
      at::_foreach_add_(momenta, steps);
      steps = at::_foreach_mul(momenta, 1);
    }
    descend(update.parameters, steps, update.lr);
  }

 private:
  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_rmsprop(const OptimizerOptions& options) {
  return std::make_unique<Rmsprop>(options);
}

}  // namespace skipzoo
