#pragma once

#include <string>
#include <vector>

#include "tools/study/claims.h"

namespace skipzoo {

/// A column of the comparison: mean and deviation over the seeds.
struct StudyColumn {
  std::string title;  ///< Short, for a terminal.
  std::string meaning;
  std::string (*text)(const StudyGroup& group);
};
const std::vector<StudyColumn>& study_columns();

/// The comparison, a line for each network, and what the columns are.
std::string study_table(const std::vector<StudyGroup>& groups);

/// Claims, each with its criterion and a line a finding.
std::string claims_text(const std::vector<Claim>& claims);

}  // namespace skipzoo
