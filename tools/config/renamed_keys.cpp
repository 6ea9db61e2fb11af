#include "tools/config/renamed_keys.h"

#include <algorithm>
#include <optional>
#include <string>

namespace skipzoo {

namespace {

/// The first name of a path, which is shortened by it.
std::string next_name(std::string_view& path) {
  const auto name = path.substr(0, path.find('.'));
  path.remove_prefix(std::min(name.size() + 1, path.size()));
  return std::string(name);
}

auto find_entry(Value& section, const std::string& key) {
  return std::ranges::find(section.section, key, &Value::Entry::key);
}

/// Takes the entry out of its section; nothing where there is none.
std::optional<Value::Entry> take(Value& section, std::string_view path) {
  const auto found = find_entry(section, next_name(path));
  if (found == section.section.end()) return std::nullopt;
  if (!path.empty()) return take(found->value, path);
  auto entry = std::move(*found);
  section.section.erase(found);
  return entry;
}

void put(Value& section, std::string_view path, Value::Entry entry) {
  const auto name = next_name(path);
  if (path.empty()) {
    entry.key = name;
    section.section.push_back(std::move(entry));
    return;
  }
  auto inner = find_entry(section, name);
  if (inner == section.section.end()) {
    section.section.push_back({.key = name, .place = entry.place, .value = {}});
    inner = section.section.end() - 1;
    inner->value.kind = Value::Kind::kSection;
    inner->value.place = entry.place;
  }
  put(inner->value, path, std::move(entry));
}

}  // namespace

std::span<const RenamedKey> renamed_keys() { return {}; }

std::span<const LaterKey> later_keys() {
  static constexpr LaterKey kKeys[] = {
      {.last_format = 1, .key = "data.exif", .value = "ignore"}};
  return kKeys;
}

void rename_keys(Value& config, int64_t format,
                 std::span<const RenamedKey> keys) {
  for (const auto& key : keys) {
    if (format > key.last_format) continue;
    auto entry = take(config, key.from);
    if (entry) put(config, key.to, std::move(*entry));
  }
}

}  // namespace skipzoo
