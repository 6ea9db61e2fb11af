#pragma once

// Included by the .cpp files of tools/config alone: yaml-cpp stops here.

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/config/fields.h"

namespace skipzoo {

/// A config being read: where its values come from, and what was found wrong.
class Source {
 public:
  Source(std::string name, std::filesystem::path folder)
      : name_(std::move(name)), folder_(std::move(folder)) {}

  const std::string& name() const { return name_; }
  /// "file:line:column" of a node, or the --set that put it there.
  std::string place(const YAML::Node& node, const std::string& path) const;
  /// Remembers that the value at `path` comes from the command line.
  void override_at(const std::string& path, const std::string& where) {
    overrides_[path] = where;
  }
  bool overridden(const std::string& path) const {
    return overrides_.contains(path);
  }
  /// What a path written in this config is relative to.
  std::filesystem::path folder_of(const std::string& path) const {
    return overridden(path) ? std::filesystem::current_path() : folder_;
  }

  /// Reports keys of `section` that are given twice or are not in `known`.
  void check_keys(const YAML::Node& section, const std::string& path,
                  const std::vector<std::string>& known);

  void problem(std::string line) { problems_.push_back(std::move(line)); }
  void warning(std::string line) { warnings_.push_back(std::move(line)); }
  const std::vector<std::string>& problems() const { return problems_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::string name_;
  std::filesystem::path folder_;
  std::map<std::string, std::string> overrides_;
  std::vector<std::string> problems_;
  std::vector<std::string> warnings_;
};

// One scalar of each kind; false where the text is something else.
bool parse_value(const std::string& text, bool& value);
bool parse_value(const std::string& text, int64_t& value);
bool parse_value(const std::string& text, double& value);
inline bool parse_value(const std::string& text, std::string& value) {
  value = text;
  return true;
}
template <EnumField Enum>
bool parse_value(const std::string& text, Enum& value) {
  for (const auto& entry : EnumNames<Enum>::values) {
    if (entry.name != text) continue;
    value = entry.value;
    return true;
  }
  return false;
}

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
  /// extra: keys that are allowed though the struct does not list them.
  SectionReader(const YAML::Node& node, std::string path, Source& source,
                std::vector<std::string> extra = {})
      : node_(node),
        path_(std::move(path)),
        source_(source),
        known_(std::move(extra)) {}

  template <Section T>
  void read(T& section) {
    const bool given = node_.IsDefined() && !node_.IsNull();
    if (given && !node_.IsMap()) {
      source_.problem(source_.place(node_, path_) + ": " + path_ +
                      ": expected a section of keys");
      return;
    }
    section.describe(*this);
    if (given) source_.check_keys(node_, path_, known_);
    warn_of_idle_keys(section);
    if constexpr (requires(Problems& p) { section.validate(p); }) {
      Problems problems;
      section.validate(problems);
      const auto where = given ? source_.place(node_, path_) : source_.name();
      for (const auto& line : problems) {
        source_.problem(where + ": " + path_ + ": " + line);
      }
    }
  }

  template <typename T>
  void operator()(const char* key, T& value, const char*, Rule rule = {}) {
    known_.push_back(key);
    const std::string path = path_ + "." + key;
    const YAML::Node node =
        node_.IsDefined() && node_.IsMap() ? node_[key] : YAML::Node();
    if constexpr (Section<T>) {
      SectionReader(node, path, source_).read(value);
    } else if (node_.IsDefined() && node_.IsMap() && node.IsDefined()) {
      read_value(node, path, value, rule);
    }
  }

 private:
  template <typename T>
  void read_value(const YAML::Node& node, const std::string& path, T& value,
                  const Rule& rule) {
    if (!node.IsScalar()) {
      fail(node, path, "expected " + kind_name<T>() + ", got " +
                           (node.IsNull()       ? "nothing"
                            : node.IsSequence() ? "a list"
                                                : "a section"));
      return;
    }
    T parsed{};
    if (!parse_value(node.Scalar(), parsed)) {
      fail(node, path,
           "expected " + kind_name<T>() + ", got '" + node.Scalar() + "'");
      return;
    }
    if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, double>) {
      if (!rule.allows(static_cast<double>(parsed))) {
        fail(node, path,
             "must be " + range_text(rule) + ", got " + node.Scalar());
      }
    }
    value = std::move(parsed);
  }

  void read_value(const YAML::Node& node, const std::string& path,
                  std::filesystem::path& value, const Rule& rule) {
    std::string text;
    read_value(node, path, text, rule);
    if (text.empty()) return;
    value = (source_.folder_of(path) / text).lexically_normal();
  }

  template <typename T>
  void read_value(const YAML::Node& node, const std::string& path,
                  std::vector<T>& values, const Rule& rule) {
    if (!node.IsSequence()) {
      fail(node, path, "expected a list in [brackets]");
      return;
    }
    values.assign(node.size(), T{});
    for (size_t i = 0; i < node.size(); ++i) {
      read_value(node[i], path + "[" + std::to_string(i) + "]", values[i], rule);
    }
  }

  void fail(const YAML::Node& node, const std::string& path,
            const std::string& what) {
    source_.problem(source_.place(node, path) + ": " + path + ": " + what);
  }

  template <typename T>
  void warn_of_idle_keys(const T& section) {
    if (!node_.IsDefined() || !node_.IsMap()) return;
    for (const auto& key : known_) {
      const YAML::Node node = node_[key];
      if (!node.IsDefined() || section_uses(section, key)) continue;
      const std::string path = path_ + "." + key;
      source_.warning(source_.place(node, path) + ": " + path +
                      ": has no effect here" + reason(section));
    }
  }

  /// " with name: cosine", where a section has a name that decides.
  template <typename T>
  static std::string reason(const T& section) {
    if constexpr (requires { name_of(section.name); }) {
      return " with name: " + std::string(name_of(section.name));
    }
    return "";
  }

  const YAML::Node node_;
  std::string path_;
  Source& source_;
  std::vector<std::string> known_;
};

}  // namespace skipzoo
