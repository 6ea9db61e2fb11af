#include "tools/config/value.h"

#include <algorithm>
#include <set>

#include "tools/error.h"
#include "tools/printable.h"

namespace skipzoo {

namespace {

/// The value of an assignment.
Value parse_assigned(const std::string& text, const std::string& where) {
  Value value;
  value.place = where;
  value.folder = std::filesystem::current_path();
  const auto first = text.find_first_not_of(" \t\r\n");
  static const std::set<std::string> nothing = {"~", "null", "Null", "NULL"};
  if (first == std::string::npos || nothing.contains(text)) return value;
  if (std::string_view("[{\"'").find(text[first]) != std::string_view::npos) {
    return parse_yaml(text, {where, value.folder, /*is_file=*/false});
  }
  value.kind = Value::Kind::kScalar;
  value.text = text;
  return value;
}

}  // namespace

const Value* Value::find(const std::string& key) const {
  for (const auto& entry : section) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

void apply_override(Value& root, const std::string& assignment) {
  const std::string where = "--set " + assignment;
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigError(where + ": expected key=value, e.g. train.epochs=1");
  }
  Value given = parse_assigned(assignment.substr(equals + 1), where);

  const std::string path = assignment.substr(0, equals);
  constexpr auto kDeepest = 20;
  if (std::count(path.begin(), path.end(), '.') > kDeepest) {
    throw ConfigError("--set " + printable(assignment) +
                      ": nested deeper than any key");
  }
  Value* at = &root;
  for (size_t start = 0;;) {
    if (at->kind == Value::Kind::kNothing) {
      at->kind = Value::Kind::kSection;
      at->place = where;
    } else if (at->kind != Value::Kind::kSection) {
      throw ConfigError(where + ": " + path.substr(0, start - 1) +
                        " is not a section; it has no keys");
    }
    const size_t dot = path.find('.', start);
    const std::string key = path.substr(start, dot - start);
    if (at->find(key) == nullptr) {
      at->section.push_back({.key = key, .place = where, .value = {}});
    }
    at = const_cast<Value*>(at->find(key));
    if (dot == std::string::npos) break;
    start = dot + 1;
  }
  *at = std::move(given);
}

}  // namespace skipzoo
