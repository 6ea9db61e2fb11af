#pragma once

#include <optional>
#include <string>
#include <vector>

namespace skipzoo {

/// Which of `names` is meant by the name of a split: that one itself, else one
/// of another usual name for the same, in any case of letters ("val": valid,
/// validation, dev, eval; "train": training); where no test split is there, the
/// one to validate on. Nothing where none is.
std::optional<std::string> split_meant_by(
    const std::string& wanted, const std::vector<std::string>& names);

/// Whether it is a usual name of a test split, or of one to validate on.
bool is_test_split(const std::string& name);
bool is_val_split(const std::string& name);

}  // namespace skipzoo
