#include "tools/config/compare.h"

#include <algorithm>
#include <type_traits>

#include "tools/config/fields.h"

namespace skipzoo {

namespace {

struct Entry {
  std::string key;
  std::string text;  ///< "lr: 0.1".
};

/// Each key with its sections.
template <Section T>
void flatten(const T& section, const std::string& prefix,
             std::vector<Entry>& out) {
  for_each_used(section, [&](const std::string& key, auto& value) {
    if constexpr (Section<std::remove_reference_t<decltype(value)>>) {
      flatten(value, prefix + key + ".", out);
    } else {
      out.push_back({.key = prefix + key, .text = key + ": " + to_text(value)});
    }
  });
}

std::vector<Entry> entries_of(const RunConfig& config) {
  const auto family = family_name(config.model);
  std::vector<Entry> all = {
      {.key = "model.family", .text = "family: " + family}};
  std::visit([&](const auto& options) { flatten(options, "model.", all); },
             config.model);
  flatten(config.data, "data.", all);
  flatten(config.train, "train.", all);
  if (config.fine_tune.enabled()) {
    flatten(config.fine_tune, "fine_tune.", all);
  }
  if (config.study.enabled()) flatten(config.study, "study.", all);
  return all;
}

std::string text_in(const std::vector<Entry>& entries, const std::string& key) {
  const auto found = std::ranges::find(entries, key, &Entry::key);
  return found == entries.end() ? "nothing" : found->text;
}

}  // namespace

std::vector<ConfigDifference> differences(const RunConfig& first,
                                          const RunConfig& second) {
  const auto a = entries_of(first), b = entries_of(second);
  std::vector<ConfigDifference> found;
  for (const auto& [key, text] : a) {
    const auto other = text_in(b, key);
    if (text != other) found.push_back({key, text, other});
  }
  for (const auto& [key, text] : b) {
    if (text_in(a, key) == "nothing") found.push_back({key, "nothing", text});
  }
  return found;
}

}  // namespace skipzoo
