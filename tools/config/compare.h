#pragma once

#include <string>
#include <vector>

#include "tools/config/run_config.h"

namespace skipzoo {

/// A key that two configs do not agree on.
struct ConfigDifference {
  std::string key;            ///< With its sections: "train.optimizer.lr".
  std::string first, second;  ///< "lr: 0.1"; "nothing" where it has no effect.
};

/// What differs between two configs, in the order of dump_config(). A key that
/// others make idle is as good as absent.
std::vector<ConfigDifference> differences(const RunConfig& first,
                                          const RunConfig& second);

}  // namespace skipzoo
