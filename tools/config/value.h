#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace skipzoo {

/// A YAML value and where it was written: what the rest of tools/config reads,
/// so that yaml-cpp is known to one file.
struct Value {
  enum class Kind { kNothing, kScalar, kList, kSection };
  struct Entry;

  Kind kind = Kind::kNothing;
  std::string text;  ///< Of a scalar.
  std::vector<Value> list;
  std::vector<Entry> section;    ///< In the order written, repeats included.
  std::string place;             ///< "file:line:column", or "--set key=value".
  std::filesystem::path folder;  ///< What a path in it is relative to.

  /// The first value under that key; null where there is none.
  const Value* find(const std::string& key) const;
};

struct Value::Entry {
  std::string key;
  std::string place;
  Value value;
};

/// Where a text of YAML is from.
struct Origin {
  std::string name;              ///< Stands for the file in messages.
  std::filesystem::path folder;  ///< What paths in it are relative to.
  bool is_file = true;           ///< Places have a line and a column.
};

/// Parses a text of one document. Anchors and aliases are resolved and merge
/// keys (`<<`) applied as YAML 1.1 says. Throws ConfigError, with the place,
/// where the text is no YAML, or YAML of another kind than a config: a second
/// document, a tag that would change a value, thousands of values, by aliases
/// too.
Value parse_yaml(const std::string& given, const Origin& origin);

/// Puts the value of an `a.b.c=value` into the tree, sections on the way
/// included; its place is "--set a.b.c=value", its folder the working
/// directory. What begins with a bracket, brace or quote is YAML; all else is
/// taken as it stands, for a path may hold `#` and `: `. Throws ConfigError
/// where that is not possible.
void apply_override(Value& root, const std::string& assignment);

}  // namespace skipzoo
