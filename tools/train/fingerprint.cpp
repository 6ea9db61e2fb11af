#include "tools/train/fingerprint.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

/// FNV-1a (Fowler, Noll, Vo), 64 bits.
void add_to_hash(uint64_t& hash, std::string_view text) {
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  hash *= 0x100000001b3U;  // An end: "a", "bc" is not "ab", "c".
}

/// How much all names begin with in common: the folder, which may move.
size_t shared_start(const Dataset& dataset) {
  const std::string first = dataset.size() > 0 ? dataset.name(0) : "";
  size_t shared = first.size();
  for (int64_t i = 1; i < dataset.size() && shared > 0; ++i) {
    const std::string name = dataset.name(i);
    const auto end = first.begin() +
                     static_cast<std::ptrdiff_t>(std::min(shared, name.size()));
    shared = static_cast<size_t>(
        std::mismatch(first.begin(), end, name.begin()).first - first.begin());
  }
  return shared;
}

ordered_json of_split(const Dataset& dataset) {
  struct Class {
    int64_t pictures = 0;
    uint64_t hash = 0xcbf29ce484222325U;
  };
  std::vector<Class> classes(dataset.classes().size());
  const size_t shared = shared_start(dataset);
  for (int64_t i = 0; i < dataset.size(); ++i) {
    for (const int64_t label : dataset.labels(i)) {
      auto& own = classes[static_cast<size_t>(label)];
      ++own.pictures;
      add_to_hash(own.hash, dataset.name(i).substr(shared));
    }
  }
  ordered_json list = ordered_json::array();
  for (size_t c = 0; c < classes.size(); ++c) {
    char digits[20];
    std::snprintf(digits, sizeof(digits), "%016llx",
                  static_cast<unsigned long long>(classes[c].hash));
    list.push_back({{"name", dataset.classes()[c]},
                    {"pictures", classes[c].pictures},
                    {"names", digits}});
  }
  return {{"pictures", dataset.size()}, {"classes", list}};
}

std::string text_of(const ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// What is other about a class; empty: nothing.
std::string difference_of_classes(const ordered_json& then,
                                  const ordered_json& now) {
  const auto name = text_of(now.at("name"));
  if (then.at("name") != now.at("name")) {
    return "class '" + name + "' was '" + text_of(then.at("name")) + "'";
  }
  if (then.at("pictures") != now.at("pictures")) {
    return "class '" + name + "' has " + text_of(now.at("pictures")) +
           " pictures now, it had " + text_of(then.at("pictures"));
  }
  if (then.at("names") != now.at("names")) {
    return "class '" + name + "' has pictures of other names";
  }
  return "";
}

std::string difference_of_splits(const std::string& split,
                                 const ordered_json& then,
                                 const ordered_json& now) {
  const auto& before = then.at("classes");
  const auto& after = now.at("classes");
  std::string text;
  for (size_t c = 0; c < std::min(before.size(), after.size()); ++c) {
    text = difference_of_classes(before[c], after[c]);
    if (!text.empty()) break;
  }
  if (before.size() != after.size()) {
    text = std::to_string(after.size()) + " classes now, " +
           std::to_string(before.size()) + " then" +
           (text.empty() ? "" : "; " + text);
  }
  if (then.at("pictures") != now.at("pictures")) {
    text = text_of(now.at("pictures")) + " pictures now, " +
           text_of(then.at("pictures")) + " then" +
           (text.empty() ? "" : "; " + text);
  }
  return text.empty() ? "" : split + ": " + text;
}

}  // namespace

std::string fingerprint(const TrainingData& data) {
  return ordered_json{{"training", of_split(*data.train)},
                      {"validation", of_split(*data.validation)}}
      .dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string first_difference(const std::string& then, const std::string& now) {
  try {
    const auto before = ordered_json::parse(then);
    const auto after = ordered_json::parse(now);
    for (const char* split : {"training", "validation"}) {
      const auto text =
          difference_of_splits(split, before.at(split), after.at(split));
      if (!text.empty()) return text;
    }
  } catch (const ordered_json::exception&) {
    // Nothing is known of the data that were.
  }
  return "";
}

}  // namespace skipzoo
