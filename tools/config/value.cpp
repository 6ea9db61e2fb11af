#include "tools/config/value.h"

#include <yaml-cpp/yaml.h>

#include "tools/error.h"

namespace skipzoo {

namespace {

std::string place_of(const std::string& name, const YAML::Mark& mark) {
  if (mark.is_null()) return name;
  return name + ":" + std::to_string(mark.line + 1) + ":" +
         std::to_string(mark.column + 1);
}

/// Turns yaml-cpp's nodes into values.
class Converter {
 public:
  Converter(std::string name, std::filesystem::path folder)
      : name_(std::move(name)), folder_(std::move(folder)) {}

  Value convert(const YAML::Node& node, int depth = 0) {
    // Aliases may repeat, or hold, what they are in.
    if (depth > 20 || ++count_ > 10'000) {
      throw ConfigError(name_ + ": nested too deeply or too large");
    }
    Value value;
    value.place = place_of(name_, node.Mark());
    value.folder = folder_;
    if (node.IsScalar()) {
      value.kind = Value::Kind::kScalar;
      value.text = node.Scalar();
    } else if (node.IsSequence()) {
      value.kind = Value::Kind::kList;
      for (const auto& item : node) {
        value.list.push_back(convert(item, depth + 1));
      }
    } else if (node.IsMap()) {
      value.kind = Value::Kind::kSection;
      for (const auto& item : node) {
        value.section.push_back(
            {.key = item.first.IsScalar() ? item.first.Scalar() : "(no text)",
             .place = place_of(name_, item.first.Mark()),
             .value = convert(item.second, depth + 1)});
      }
    }
    return value;
  }

 private:
  std::string name_;
  std::filesystem::path folder_;
  int count_ = 0;
};

/// Everything in `value` was written there.
void set_place(Value& value, const std::string& place) {
  value.place = place;
  for (auto& item : value.list) set_place(item, place);
  for (auto& entry : value.section) {
    entry.place = place;
    set_place(entry.value, place);
  }
}

}  // namespace

const Value* Value::find(const std::string& key) const {
  for (const auto& entry : section) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

Value parse_yaml(const std::string& text, const std::string& name,
                 const std::filesystem::path& folder) {
  try {
    return Converter(name, folder).convert(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    throw ConfigError(place_of(name, error.mark) +
                      ": not valid YAML: " + error.msg);
  }
}

void apply_override(Value& root, const std::string& assignment) {
  const std::string where = "--set " + assignment;
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigError(where + ": expected key=value, e.g. train.epochs=1");
  }
  Value given = parse_yaml(assignment.substr(equals + 1), where,
                           std::filesystem::current_path());
  set_place(given, where);

  const std::string path = assignment.substr(0, equals);
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
