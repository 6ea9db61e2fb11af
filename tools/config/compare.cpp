#include "tools/config/compare.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "tools/config/fields.h"

namespace skipzoo {

namespace {

struct Entry {
  std::string key;
  std::string text;  ///< "lr: 0.1".
};

/// Lists what has an effect, each key with its sections.
class Flattener {
 public:
  Flattener(std::vector<Entry>& out, std::string prefix)
      : out_(out), prefix_(std::move(prefix)) {}

  template <Section T>
  void list(T section) {
    uses_ = [section](std::string_view key) {
      return section_uses(section, key);
    };
    section.describe(*this);
  }

  template <typename T>
  void operator()(const char* key, T& value, const char*, Rule = {}) {
    if (!uses_(key)) return;
    if constexpr (Section<T>) {
      Flattener(out_, prefix_ + key + ".").list(value);
    } else {
      out_.push_back({.key = prefix_ + key,
                      .text = std::string(key) + ": " + to_text(value)});
    }
  }

 private:
  std::vector<Entry>& out_;
  std::string prefix_;
  std::function<bool(std::string_view)> uses_;
};

std::vector<Entry> entries_of(const RunConfig& config) {
  const auto family = family_name(config.model);
  std::vector<Entry> all = {
      {.key = "model.family", .text = "family: " + family}};
  std::visit(
      [&](const auto& options) { Flattener(all, "model.").list(options); },
      config.model);
  Flattener(all, "data.").list(config.data);
  Flattener(all, "train.").list(config.train);
  if (config.fine_tune.enabled()) {
    Flattener(all, "fine_tune.").list(config.fine_tune);
  }
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
