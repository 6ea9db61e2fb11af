#include "tools/data/split_names.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "tools/data/text.h"

namespace skipzoo {

namespace {

constexpr std::string_view kTrainNames[] = {"train", "training"};
constexpr std::string_view kValNames[] = {
    "val", "valid", "validation", "validate", "dev", "eval", "evaluation"};
constexpr std::string_view kTestNames[] = {"test", "testing"};

using UsualNames = std::span<const std::string_view>;

bool is_among(const std::string& name, UsualNames usual) {
  return std::ranges::find(usual, in_small_letters(name)) != usual.end();
}

/// The first of the usual names that is there.
std::optional<std::string> first_of(UsualNames usual,
                                    const std::vector<std::string>& names) {
  for (const auto& one : usual) {
    const auto found = std::ranges::find(names, one, in_small_letters);
    if (found != names.end()) return *found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> split_meant_by(
    const std::string& wanted, const std::vector<std::string>& names) {
  if (std::ranges::find(names, wanted) != names.end()) return wanted;
  for (const UsualNames usual : {UsualNames(kTrainNames), UsualNames(kValNames),
                                 UsualNames(kTestNames)}) {
    if (!is_among(wanted, usual)) continue;
    if (const auto found = first_of(usual, names)) return found;
  }
  return is_among(wanted, kTestNames) ? first_of(kValNames, names)
                                      : std::nullopt;
}

bool is_test_split(const std::string& name) {
  return is_among(name, kTestNames);
}

bool is_val_split(const std::string& name) { return is_among(name, kValNames); }

}  // namespace skipzoo
