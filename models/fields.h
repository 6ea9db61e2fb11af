#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace skipzoo {

/// The vocabulary of describe(): how an options struct lists its keys.
///
///   template <typename Fields>
///   void describe(Fields& field) {
///     field("growth_rate", growth_rate, "channels a layer adds", at_least(1));
///   }
///
/// Reading, range checks, the resolved-config dump and `skipzoo describe` are
/// each one class with that operator(). A struct may also have
///   void validate(Problems&) const;       relations between its fields
///   bool uses(std::string_view) const;    false: the other keys make this one
///                                         idle, and a user is told so

/// The values a number, or each number of a list, may take.
struct Rule {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool excludes_low = false;

  bool allows(double value) const {
    return (excludes_low ? value > low : value >= low) && value <= high;
  }
};

inline Rule at_least(double low) { return {.low = low}; }
inline Rule above(double low) { return {.low = low, .excludes_low = true}; }
inline Rule between(double low, double high) {
  return {.low = low, .high = high};
}
/// Reads aloud where a field is a list: the rule holds for each entry.
inline Rule each(Rule rule) { return rule; }

/// Contradictions found by validate(), one sentence each.
using Problems = std::vector<std::string>;

/// One value of an enum and the word for it in a config.
template <typename Enum>
struct Named {
  Enum value;
  std::string_view name;
};

/// The words for an enum's values: specialise with a `static constexpr
/// Named<Enum> values[]`.
template <typename Enum>
struct EnumNames;

/// One of an enum's words, or numbers in its place.
template <typename Enum>
struct WordOrNumbers {
  Enum word = {};
  std::vector<double> numbers = {};  ///< Empty where the word counts.
};

/// The word for `value`. Every value of the enum is in EnumNames.
template <typename Enum>
std::string_view name_of(Enum value) {
  for (const auto& entry : EnumNames<Enum>::values) {
    if (entry.value == value) return entry.name;
  }
  return "?";
}

}  // namespace skipzoo
