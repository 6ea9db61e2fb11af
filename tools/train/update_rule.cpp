#include "tools/train/update_rule.h"

#include <algorithm>
#include <utility>

namespace skipzoo {

namespace {

std::vector<std::unique_ptr<UpdateRule>> rules_of(
    const OptimizerOptions& options) {
  std::vector<std::unique_ptr<UpdateRule>> rules;
  // Without a default, so that the compiler names a kind that is missing.
  switch (options.name) {
    case OptimizerKind::kSgd:
      rules.push_back(make_sgd(options));
      break;
    case OptimizerKind::kAdamW:
      rules.push_back(make_adamw(options));
      break;
    case OptimizerKind::kRmsprop:
      rules.push_back(make_rmsprop(options));
      break;
    case OptimizerKind::kLamb:
      rules.push_back(make_lamb(options));
      break;
    case OptimizerKind::kLion:
      rules.push_back(make_lion(options));
      break;
    case OptimizerKind::kNadamW:
      rules.push_back(make_nadamw(options));
      break;
    case OptimizerKind::kMuon:
      rules.push_back(make_muon(options));
      rules.push_back(make_adamw(options));
      break;
  }
  return rules;
}

}  // namespace

std::vector<std::unique_ptr<UpdateRule>> make_update_rules(
    const OptimizerOptions& options) {
  auto rules = rules_of(options);
  if (options.lookahead.k > 0) {
    for (auto& rule : rules) {
      rule = make_lookahead(options.lookahead, std::move(rule));
    }
  }
  return rules;
}

int64_t copies_in_slots(const OptimizerOptions& options) {
  int64_t most = 0;
  for (const auto& rule : make_update_rules(options)) {
    const auto slots = rule->slots();
    most = std::max<int64_t>(
        most, std::ranges::count_if(slots, [](const Slot& slot) {
          return (slot.kind == Slot::Kind::kLikeParameter && !slot.is_idle) ||
                 slot.kind == Slot::Kind::kCopyOfParameter;
        }));
  }
  return most;
}

}  // namespace skipzoo
