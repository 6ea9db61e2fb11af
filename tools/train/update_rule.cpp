#include "tools/train/update_rule.h"

#include <c10/util/Exception.h>

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

}  // namespace skipzoo
