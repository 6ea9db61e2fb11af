#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/train/intervals.h"
#include "tools/train/metrics.h"

namespace skipzoo {

// What `skipzoo evaluate` prints on standard output. classes: their names.

/// One line of JSON. split: what was measured.
void print_json(const Evaluation& result, const std::string& split,
                const std::vector<std::string>& classes);
/// A page of text, with the confusion matrix where it fits a terminal.
void print_text(const Evaluation& result,
                const std::vector<std::string>& classes);

/// A share of so many images, "0.9120"; "-" of none.
std::string known_text(double share, int64_t images);
/// "91.20 to 94.05".
std::string bounds_text(const Interval& interval);

/// The column of a table on a terminal that holds names.
class FirstColumn {
 public:
  explicit FirstColumn(const std::vector<std::string>& names);
  /// A name as it may be printed, filled up with blanks.
  std::string cell(const std::string& name) const;

 private:
  size_t width_ = 20;
};

}  // namespace skipzoo
