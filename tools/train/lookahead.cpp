#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_lerp.h>

#include <utility>

#include "tools/train/foreach.h"
#include "tools/train/update_rule.h"

namespace skipzoo {

namespace {

class Lookahead : public UpdateRule {
 public:
  Lookahead(const LookaheadOptions& options, std::unique_ptr<UpdateRule> fast)
      : options_(options), fast_(std::move(fast)) {}

  bool takes(const torch::Tensor& parameter, bool is_head) const override {
    return fast_->takes(parameter, is_head);
  }

  std::vector<Slot> slots() const override {
    auto slots = fast_->slots();
    slots.push_back({.name = "slow", .kind = Slot::Kind::kCopyOfParameter});
    slots.push_back({.name = "slow_step", .kind = Slot::Kind::kScalar});
    return slots;
  }

  // A step that is captured as a graph cannot branch on its number: where the
  // weights are not to meet, they go none of the way, exactly.
  void apply(const Update& update) const override {
    Update inner = update;
    inner.slots.resize(inner.slots.size() - 2);
    fast_->apply(inner);
    const auto& steps = update.slots[update.slots.size() - 1];
    const auto& slow = update.slots[update.slots.size() - 2];
    at::_foreach_add_(steps, 1);
    const auto meets = (stacked(steps).remainder(options_.k) == 0)
                           .to(slow.front().scalar_type());
    at::_foreach_lerp_(slow, update.parameters,
                       (meets * options_.alpha).unbind());
    at::_foreach_lerp_(update.parameters, slow, meets.unbind());
  }

 private:
  LookaheadOptions options_;
  std::unique_ptr<UpdateRule> fast_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_lookahead(const LookaheadOptions& options,
                                           std::unique_ptr<UpdateRule> fast) {
  return std::make_unique<Lookahead>(options, std::move(fast));
}

}  // namespace skipzoo
