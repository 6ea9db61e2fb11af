#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "models/fields.h"

namespace skipzoo {

// What the classes that walk describe() have in common: which kind of field a
// type is, and how its values are written.

template <typename T>
concept EnumField = std::is_enum_v<T>;

struct AnyFields {
  template <typename... Ignored>
  void operator()(Ignored&&...) {}
};
template <typename T>
concept Section = requires(T& section, AnyFields& fields) {
  section.describe(fields);
};

template <typename T>
bool section_uses(const T& section, std::string_view key) {
  if constexpr (requires { section.uses(key); }) return section.uses(key);
  return true;
}

/// Calls visit(key, value) for each key of a section that has an effect, in its
/// order; a value may be a section itself.
template <Section T, typename Visit>
void for_each_used(T section, const Visit& visit) {
  auto fields = [&](const char* key, auto& value, const char*,
                    const Rule& = {}) {
    if (section_uses(section, key)) visit(key, value);
  };
  section.describe(fields);
}

template <EnumField Enum>
std::string names_of(std::string_view separator) {
  std::string names;
  for (const auto& entry : EnumNames<Enum>::values) {
    if (!names.empty()) names += separator;
    names += entry.name;
  }
  return names;
}

/// The highest integer in a network's section, of layers, channels, classes:
/// far above any, and products of three of them are numbers still.
constexpr double kMostOfModel = 1e6;

inline std::string to_text(bool value) { return value ? "true" : "false"; }
inline std::string to_text(int64_t value) { return std::to_string(value); }
/// The shortest text that reads back to the same number.
inline std::string to_text(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  return {text, end};
}
/// As a YAML string, quoted where it could be taken for something else.
std::string to_text(const std::string& value);
inline std::string to_text(const std::filesystem::path& value) {
  return to_text(value.string());
}
template <EnumField Enum>
std::string to_text(Enum value) {
  return std::string(name_of(value));
}
template <typename T>
std::string to_text(const std::vector<T>& values) {
  std::string text = "[";
  for (const auto& value : values) {
    if (text.size() > 1) text += ", ";
    text += to_text(value);
  }
  return text + "]";
}

template <EnumField Enum>
std::string to_text(const WordOrNumbers<Enum>& value) {
  return value.numbers.empty() ? to_text(value.word) : to_text(value.numbers);
}

/// "at least 1", "between 0 and 1"; empty where anything goes.
inline std::string range_text(const Rule& rule) {
  const bool low = std::isfinite(rule.low);
  const bool high = std::isfinite(rule.high);
  const auto number = [](double value) {
    return std::floor(value) == value && std::abs(value) < 1e15
               ? to_text(static_cast<int64_t>(value))
               : to_text(value);
  };
  if (low && high && rule.excludes_low) {
    return "above " + number(rule.low) + " and at most " + number(rule.high);
  }
  if (low && high)
    return "between " + number(rule.low) + " and " + number(rule.high);
  if (low)
    return (rule.excludes_low ? "above " : "at least ") + number(rule.low);
  if (high) return "at most " + number(rule.high);
  return "";
}

}  // namespace skipzoo
