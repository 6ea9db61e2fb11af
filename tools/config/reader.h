#pragma once

#include <charconv>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "tools/config/fields.h"
#include "tools/config/value.h"
#include "tools/printable.h"
#include "tools/weights/weights_path.h"

namespace skipzoo {

/// What was found while a config was read, one line each.
struct Findings {
  std::vector<std::string> problems;
  std::vector<std::string> warnings;
};

/// Reports keys of a section that are given twice or are not in `known`.
void check_keys(const Value& section, const std::string& path,
                const std::vector<std::string>& known, Findings& findings);

// One scalar of each kind; false where the text is something else.
bool parse_scalar(const std::string& text, bool& value);
bool parse_scalar(const std::string& text, int64_t& value);
bool parse_scalar(const std::string& text, double& value);
bool parse_scalar(const std::string& text, std::string& value);
template <EnumField Enum>
bool parse_scalar(const std::string& text, Enum& value) {
  for (const auto& entry : EnumNames<Enum>::values) {
    if (entry.name != text) continue;
    value = entry.value;
    return true;
  }
  return false;
}

/// Makes a path absolute: `~/` is HOME's, all else is relative to `folder`.
/// Returns what is wrong with it, or nothing.
std::string read_path(std::string text, const std::filesystem::path& folder,
                      std::filesystem::path& value);

/// The same for weights, which may be published ones by name where there is no
/// such path.
std::string read_weights_path(const std::string& text,
                              const std::filesystem::path& folder,
                              WeightsPath& value);

/// What every number of a kind has to keep to, whatever its own range: where
/// machines and their numbers end.
Rule limit_of(const std::string& path, bool is_integer);

/// "true or false", "an integer", …: what was expected where parsing failed.
template <typename T>
std::string kind_name() {
  if constexpr (EnumField<T>) return "one of " + names_of<T>(", ");
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, int64_t>) return "an integer";
  if constexpr (std::is_same_v<T, double>) return "a number";
  return "a text";
}

/// Reads one section by way of its describe().
class SectionReader {
 public:
  /// node: null where the config has no such section. name: of the whole
  /// config, for what has no place. extra: keys that are allowed though the
  /// struct does not list them.
  SectionReader(const Value* node, std::string path, std::string name,
                Findings& findings, std::vector<std::string> extra = {})
      : node_(node),
        path_(std::move(path)),
        name_(std::move(name)),
        findings_(findings),
        known_(std::move(extra)) {}

  template <Section T>
  void read(T& section) {
    if (node_ != nullptr && node_->kind == Value::Kind::kNothing) {
      node_ = nullptr;
    }
    if (node_ != nullptr && node_->kind != Value::Kind::kSection) {
      fail(*node_, path_, "expected a section of keys, e.g. {key: value}");
      return;
    }
    section.describe(*this);
    if (node_ != nullptr) {
      check_keys(*node_, path_, known_, findings_);
      warn_of_idle_keys(section);
    }
    if constexpr (requires(Problems & p) { section.validate(p); }) {
      Problems problems;
      section.validate(problems);
      const auto& where = node_ != nullptr ? node_->place : name_;
      for (const auto& line : problems) {
        findings_.problems.push_back(where + ": " + path_ + ": " + line);
      }
    }
  }

  template <typename T>
  void operator()(const char* key, T& value, const char*, Rule rule = {}) {
    known_.push_back(key);
    const std::string path = path_ + "." + key;
    const Value* node = node_ == nullptr ? nullptr : node_->find(key);
    if constexpr (Section<T>) {
      SectionReader(node, path, name_, findings_).read(value);
    } else if (node != nullptr) {
      read_value(*node, path, value, rule);
    }
  }

 private:
  template <typename T>
  void read_value(const Value& node, const std::string& path, T& value,
                  const Rule& rule) {
    if (node.kind != Value::Kind::kScalar) {
      const char* got = node.kind == Value::Kind::kNothing ? "nothing"
                        : node.kind == Value::Kind::kList  ? "a list"
                                                           : "a section";
      fail(node, path, "expected " + kind_name<T>() + ", got " + got);
      return;
    }
    T read{};
    if (!parse_scalar(node.text, read)) {
      fail(node, path,
           "expected " + kind_name<T>() + ", got '" + printable(node.text) +
               "'");
      return;
    }
    if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, double>) {
      const auto number = static_cast<double>(read);
      const Rule limit = limit_of(path, std::is_same_v<T, int64_t>);
      if (!rule.allows(number) || !limit.allows(number)) {
        fail(node, path,
             "must be " + range_text(rule.allows(number) ? limit : rule) +
                 ", got " + node.text);
        return;
      }
    }
    value = std::move(read);
  }

  void read_value(const Value& node, const std::string& path,
                  std::filesystem::path& value, const Rule& rule) {
    std::string text;
    read_value(node, path, text, rule);
    if (text.empty()) return;
    const auto problem = read_path(text, node.folder, value);
    if (!problem.empty()) fail(node, path, problem);
  }

  void read_value(const Value& node, const std::string& path,
                  WeightsPath& value, const Rule& rule) {
    std::string text;
    read_value(node, path, text, rule);
    if (text.empty()) return;
    const auto problem = read_weights_path(text, node.folder, value);
    if (!problem.empty()) fail(node, path, problem);
  }

  template <typename T>
  void read_value(const Value& node, const std::string& path,
                  std::vector<T>& values, const Rule& rule) {
    if (node.kind != Value::Kind::kList) {
      fail(node, path, "expected a list in [brackets]");
      return;
    }
    values.assign(node.list.size(), T{});
    for (size_t i = 0; i < values.size(); ++i) {
      read_value(node.list[i], path + "[" + std::to_string(i) + "]", values[i],
                 rule);
    }
  }

  template <EnumField Enum>
  void read_value(const Value& node, const std::string& path,
                  WordOrNumbers<Enum>& value, const Rule& rule) {
    if (node.kind == Value::Kind::kList) {
      if (node.list.empty()) fail(node, path, "expected numbers in the list");
      read_value(node, path, value.numbers, rule);
    } else if (node.kind == Value::Kind::kScalar &&
               parse_scalar(node.text, value.word)) {
      value.numbers.clear();
    } else if (double one = 0; node.kind == Value::Kind::kScalar &&
                               parse_scalar(node.text, one)) {
      read_value(node, path, one, rule);
      value.numbers = {one};
    } else {
      fail(node, path,
           "expected " + kind_name<Enum>() + ", or a list of numbers");
    }
  }

  void fail(const Value& node, const std::string& path,
            const std::string& what) {
    findings_.problems.push_back(node.place + ": " + path + ": " + what);
  }

  template <typename T>
  void warn_of_idle_keys(const T& section) {
    for (const auto& key : known_) {
      const Value* node = node_->find(key);
      if (node == nullptr || section_uses(section, key)) continue;
      std::string line =
          node->place + ": " + path_ + "." + key + ": has no effect here";
      if constexpr (requires { name_of(section.name); }) {
        line += " with name: " + std::string(name_of(section.name));
      }
      findings_.warnings.push_back(std::move(line));
    }
  }

  const Value* node_;
  std::string path_;
  std::string name_;
  Findings& findings_;
  std::vector<std::string> known_;
};

}  // namespace skipzoo
