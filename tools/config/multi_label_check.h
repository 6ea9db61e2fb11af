#pragma once

#include <string>
#include <vector>

#include "tools/config/run_config.h"

namespace skipzoo {

/// A key of a section that does not go with several labels a picture.
struct MultiLabelProblem {
  std::string section, key;
  std::string text;  ///< What is wrong, and what would be right.
};
/// None where the config does not say that there are several.
std::vector<MultiLabelProblem> multi_label_problems(const RunConfig& config);

/// The same where the data say it (as_laid_out()): throws a ConfigError that
/// also names the place in the table.
void check_multi_label(const RunConfig& config);

}  // namespace skipzoo
