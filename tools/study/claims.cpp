#include "tools/study/claims.h"

#include <algorithm>
#include <cmath>

#include "tools/config/study_depths.h"
#include "tools/report/html.h"

namespace skipzoo {

namespace {

/// A gradient vanishes where less than this share of it arrives.
constexpr double kVanished = 0.1;
/// Networks that fit their training data so differently, in points of accuracy,
/// have gaps that say nothing about each other.
constexpr double kAlikeFit = 10;

using Groups = std::vector<StudyGroup>;

const StudyGroup* find_group(const Groups& groups, std::string_view skip,
                             int64_t depth) {
  for (const auto& group : groups) {
    if (group.skip == skip && group.depth == depth) return &group;
  }
  return nullptr;
}

std::vector<int64_t> depths_of(const Groups& groups, std::string_view skip) {
  std::vector<int64_t> depths;
  for (const auto& group : groups) {
    if (group.skip == skip) depths.push_back(group.depth);
  }
  std::ranges::sort(depths);
  return depths;
}

std::string text_of(const StudyGroup& group, double CellResult::*value) {
  return mean_text(group.mean(value), group.cells.size());
}

std::vector<double> log_ratios(const StudyGroup& group,
                               double CellResult::*ratio) {
  auto logs = group.values(ratio);
  for (double& value : logs) value = std::log10(value);
  return logs;
}

/// Whether values lie under a limit by more than their deviation, or over it.
Outcome under(const std::vector<double>& values, double limit) {
  if (values.size() < 2) return Outcome::kCannotBeTold;
  const auto found = mean_of(values);
  if (found.mean + found.deviation < limit) return Outcome::kHolds;
  if (found.mean - found.deviation > limit) return Outcome::kDoesNotHold;
  return Outcome::kCannotBeTold;
}

/// Both hold, one of them does not, or neither is known.
Outcome both(Outcome a, Outcome b) {
  if (a == Outcome::kDoesNotHold || b == Outcome::kDoesNotHold) {
    return Outcome::kDoesNotHold;
  }
  return a == Outcome::kHolds ? b : Outcome::kCannotBeTold;
}

Outcome opposite(Outcome outcome) {
  return outcome == Outcome::kHolds         ? Outcome::kDoesNotHold
         : outcome == Outcome::kDoesNotHold ? Outcome::kHolds
                                            : outcome;
}

/// One finding for each network that has a plain one of its depth.
template <typename Find>
std::vector<Finding> beside_plain(const Groups& groups, const Find& find) {
  std::vector<Finding> findings;
  for (const auto& group : groups) {
    const auto* plain = find_group(groups, kPlain, group.depth);
    if (group.skip == kPlain || plain == nullptr) continue;
    findings.push_back(find(group, *plain));
  }
  return findings;
}

Claim vanishing(const Groups& groups, const std::string& when,
                double CellResult::*ratio) {
  Claim claim{.title =
                  "Gradients vanish without skip connections and not with "
                  "them, " +
                  when,
              .criterion =
                  "the gradient norm of the first convolution over that of the "
                  "last is under 0.1 in the plain network and over it in the "
                  "other, each by more than its deviation (of logarithms) over "
                  "the seeds",
              .findings = {}};
  const double limit = std::log10(kVanished);
  claim.findings =
      beside_plain(groups, [&](const auto& group, const auto& plain) {
        const auto text = [&](const StudyGroup& of) {
          const double mean = std::pow(10, mean_of(log_ratios(of, ratio)).mean);
          return number(mean) + (mean > 1 / kVanished ? " (it grows)" : "");
        };
        return Finding{
            .where = group.name(),
            .outcome = both(under(log_ratios(plain, ratio), limit),
                            opposite(under(log_ratios(group, ratio), limit))),
            .numbers = "first over last: plain " + text(plain) + ", " +
                       group.skip + " " + text(group)};
      });
  return claim;
}

Claim degradation(const Groups& groups) {
  Claim claim{
      .title = "Degradation: a deeper plain network trains worse",
      .criterion =
          "its training loss in the last epoch is higher than that of the best "
          "shallower plain network by more than the two deviations together",
      .findings = {}};
  for (const int64_t depth : depths_of(groups, kPlain)) {
    const auto* deep = find_group(groups, kPlain, depth);
    const StudyGroup* best = nullptr;
    const auto loss = [](const StudyGroup& group) {
      return group.mean(&CellResult::train_loss).mean;
    };
    for (const auto& group : groups) {
      if (group.skip != kPlain || group.depth >= depth) continue;
      if (group.cells.empty()) continue;
      if (best == nullptr || loss(group) < loss(*best)) best = &group;
    }
    if (best == nullptr) continue;
    claim.findings.push_back(
        {.where = deep->name(),
         .outcome = judge(deep->values(&CellResult::train_loss),
                          best->values(&CellResult::train_loss)),
         .numbers = "training loss " + text_of(*deep, &CellResult::train_loss) +
                    ", with " + std::to_string(best->depth) + " layers " +
                    text_of(*best, &CellResult::train_loss)});
  }
  return claim;
}

Claim cure(const Groups& groups) {
  return {.title = "With skip connections the same depth trains better",
          .criterion =
              "the training loss in the last epoch is lower than the plain "
              "network's by more than the two deviations together",
          .findings = beside_plain(groups, [](const auto& group,
                                              const auto& plain) {
            return Finding{
                .where = group.name(),
                .outcome = judge(plain.values(&CellResult::train_loss),
                                 group.values(&CellResult::train_loss)),
                .numbers =
                    "training loss " + text_of(group, &CellResult::train_loss) +
                    ", plain " + text_of(plain, &CellResult::train_loss)};
          })};
}

Claim faster(const Groups& groups) {
  return {.title = "With skip connections training is faster",
          .criterion =
              "the first epoch whose training loss is half of guessing's comes "
              "sooner than the plain network's by more than the two deviations "
              "together; one that never comes counts as one after the last",
          .findings = beside_plain(groups, [](const auto& group,
                                              const auto& plain) {
            const auto text = [](const StudyGroup& of) {
              return text_of(of, &CellResult::half_loss_epoch) + " at " +
                     number(of.mean(&CellResult::seconds_per_epoch).mean, 2) +
                     " s each";
            };
            return Finding{
                .where = group.name(),
                .outcome = judge(plain.values(&CellResult::half_loss_epoch),
                                 group.values(&CellResult::half_loss_epoch)),
                .numbers = "epochs " + text(group) + ", plain " + text(plain)};
          })};
}

std::vector<double> gaps_of(const StudyGroup& group) {
  std::vector<double> gaps;
  for (const auto& cell : group.cells) gaps.push_back(cell.gap());
  return gaps;
}

Claim generalisation(const Groups& groups) {
  return {.title = "With skip connections the generalisation gap is smaller",
          .criterion =
              "the accuracy on the training pictures, seen without "
              "augmentation, less that on the test's, is smaller than the "
              "plain network's by more than the two deviations together; "
              "networks whose training accuracies are more than 10 points "
              "apart are not compared",
          .findings =
              beside_plain(groups, [](const auto& group, const auto& plain) {
                const auto fit = [](const StudyGroup& of) {
                  return of.mean(&CellResult::fit_top1).mean;
                };
                const auto text = [](const StudyGroup& of) {
                  return mean_text(of.gap(), of.cells.size());
                };
                const bool are_alike =
                    std::abs(fit(group) - fit(plain)) <= kAlikeFit;
                return Finding{
                    .where = group.name(),
                    .outcome = are_alike ? judge(gaps_of(plain), gaps_of(group))
                                         : Outcome::kCannotBeTold,
                    .numbers = "gap " + text(group) + " points, plain " +
                               text(plain) +
                               (are_alike ? ""
                                          : "; but training accuracies of " +
                                                percent(fit(group)) + " and " +
                                                percent(fit(plain)))};
              })};
}

}  // namespace

std::vector<double> StudyGroup::values(double CellResult::*value) const {
  std::vector<double> all;
  for (const auto& cell : cells) all.push_back(cell.*value);
  return all;
}

MeanOfValues StudyGroup::gap() const { return mean_of(gaps_of(*this)); }

std::vector<StudyGroup> groups_of(const std::vector<CellResult>& results) {
  std::vector<StudyGroup> groups;
  for (const auto& result : results) {
    auto found = std::ranges::find_if(groups, [&](const StudyGroup& group) {
      return group.skip == result.skip && group.depth == result.depth;
    });
    if (found == groups.end()) {
      groups.push_back({.skip = result.skip, .depth = result.depth});
      found = groups.end() - 1;
    }
    if (result.failure.empty()) {
      found->cells.push_back(result);
    } else {
      ++found->failed;
    }
  }
  return groups;
}

std::string_view name_of(Outcome outcome) {
  return outcome == Outcome::kHolds         ? "holds"
         : outcome == Outcome::kDoesNotHold ? "does not hold"
                                            : "cannot be told";
}

Outcome judge(const std::vector<double>& larger,
              const std::vector<double>& smaller) {
  if (larger.size() < 2 || smaller.size() < 2) return Outcome::kCannotBeTold;
  const auto a = mean_of(larger), b = mean_of(smaller);
  const double limit = a.deviation + b.deviation;
  if (a.mean - b.mean > limit) return Outcome::kHolds;
  if (b.mean - a.mean > limit) return Outcome::kDoesNotHold;
  return Outcome::kCannotBeTold;
}

std::string mean_text(const MeanOfValues& mean, size_t values) {
  if (values == 0) return "none";
  // As many decimals as show the deviation's first two digits.
  const double size = values > 1 && mean.deviation > 0
                          ? mean.deviation
                          : std::max(std::abs(mean.mean), 1e-9);
  const int digits =
      std::clamp(1 - static_cast<int>(std::floor(std::log10(size))), 0, 6);
  return number(mean.mean, digits) +
         (values > 1 ? " ± " + number(mean.deviation, digits) : "");
}

std::vector<Claim> study_claims(const std::vector<CellResult>& results) {
  const auto groups = groups_of(results);
  return {vanishing(groups, "before training",
                    &CellResult::gradient_ratio_at_start),
          vanishing(groups, "while training",
                    &CellResult::gradient_ratio_in_training),
          degradation(groups),
          cure(groups),
          faster(groups),
          generalisation(groups)};
}

}  // namespace skipzoo
