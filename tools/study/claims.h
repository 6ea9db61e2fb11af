#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/study/cell_result.h"
#include "tools/train/intervals.h"

namespace skipzoo {

/// The cells of a study that differ in their seed alone. One that broke off is
/// counted, and left out of the means.
struct StudyGroup {
  std::string skip;
  int64_t depth = 0;
  std::vector<CellResult> cells = {};  ///< That were trained to their end.
  int64_t failed = 0;

  std::vector<double> values(double CellResult::*value) const;
  MeanOfValues mean(double CellResult::*value) const {
    return mean_of(values(value));
  }
  MeanOfValues gap() const;
  /// "none, 56 layers".
  std::string name() const {
    return skip + ", " + std::to_string(depth) + " layers";
  }
};
/// In the order of their first cells.
std::vector<StudyGroup> groups_of(const std::vector<CellResult>& results);

enum class Outcome { kHolds, kDoesNotHold, kCannotBeTold };
std::string_view name_of(Outcome outcome);

/// A claim at one place of a study: "A, 56 layers".
struct Finding {
  std::string where;
  Outcome outcome = Outcome::kCannotBeTold;
  std::string numbers;  ///< That it was judged by, in words.
};
struct Claim {
  std::string title;      ///< "Degradation: a deeper plain network …".
  std::string criterion;  ///< When it holds, and when not.
  std::vector<Finding> findings;
};

/// Whether `larger` is more than `smaller` by more than their two deviations
/// together, less by more, or neither; one value alone has no deviation.
Outcome judge(const std::vector<double>& larger,
              const std::vector<double>& smaller);

/// What is said of skip connections, judged by these cells alone: vanishing
/// gradients, degradation and its cure, speed, generalisation. Each with a
/// finding for every network that it is about; none where a study lacks what
/// is to be compared.
std::vector<Claim> study_claims(const std::vector<CellResult>& results);

/// "0.051 ± 0.002"; without a deviation where there is one value.
std::string mean_text(const MeanOfValues& mean, size_t values);

}  // namespace skipzoo
