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

/// Parses one document. Throws ConfigError with the place of a syntax error.
Value parse_yaml(const std::string& text, const std::string& name,
                 const std::filesystem::path& folder);

/// Puts the value of an `a.b.c=value` into the tree, sections on the way
/// included; its place is "--set a.b.c=value", its folder the working
/// directory. Throws ConfigError where that is not possible.
void apply_override(Value& root, const std::string& assignment);

}  // namespace skipzoo
