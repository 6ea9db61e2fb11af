#include "tools/train/update_rule.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace skipzoo {

std::unique_ptr<UpdateRule> make_update_rule(const OptimizerOptions& options) {
  // Without a default, so that the compiler names a kind that is missing.
  switch (options.name) {
    case OptimizerKind::kSgd:
      return make_sgd(options);
    case OptimizerKind::kAdamW:
      return make_adamw(options);
  }
  TORCH_CHECK(false, "no such optimizer");
}

int64_t copies_in_slots(const OptimizerOptions& options) {
  const auto slots = make_update_rule(options)->slots();
  return std::ranges::count_if(slots, [](const Slot& slot) {
    return slot.kind == Slot::Kind::kLikeParameter && !slot.is_idle;
  });
}

}  // namespace skipzoo
