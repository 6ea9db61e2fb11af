#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <type_traits>

#include "tools/config/fields.h"
#include "tools/config/raw_bytes.h"
#include "tools/config/run_config.h"

namespace skipzoo {

namespace {

/// Writes a section as YAML, one key a line.
template <Section T>
void write(const T& section, size_t indent, std::string& out) {
  for_each_used(section, [&](const std::string& key, auto& value) {
    out += std::string(indent, ' ') + key;
    if constexpr (Section<std::remove_reference_t<decltype(value)>>) {
      out += ":\n";
      write(value, indent + 2, out);
    } else {
      out += ": " + to_text(value) + "\n";
    }
  });
}

/// Collects what a section can hold.
class Lister {
 public:
  Lister(std::vector<KeyDescription>& out, double most, std::string prefix = "")
      : out_(out), most_(most), prefix_(std::move(prefix)) {}

  template <typename T>
  void operator()(const char* key, T& value, const char* meaning,
                  Rule rule = {}) {
    if constexpr (Section<T>) {
      Lister nested(out_, most_, prefix_ + key + ".");
      value.describe(nested);
    } else {
      if constexpr (std::is_same_v<T, int64_t> ||
                    std::is_same_v<T, std::vector<int64_t>>) {
        rule.high = std::min(rule.high, most_);
      }
      out_.push_back({.key = prefix_ + key,
                      .type = type_of(value),
                      .range = range_text(rule),
                      .initial = to_text(value),
                      .meaning = meaning});
    }
  }

 private:
  static std::string type_of(bool) { return "true|false"; }
  static std::string type_of(int64_t) { return "integer"; }
  static std::string type_of(double) { return "number"; }
  static std::string type_of(const std::string&) { return "text"; }
  static std::string type_of(const std::filesystem::path&) { return "path"; }
  static std::string type_of(const WeightsPath&) { return "path or name"; }
  static std::string type_of(const std::vector<int64_t>&) {
    return "list of integers";
  }
  static std::string type_of(const std::vector<double>&) {
    return "list of numbers";
  }
  static std::string type_of(const std::vector<std::string>&) {
    return "list of texts";
  }
  template <EnumField Enum>
  static std::string type_of(Enum) {
    return names_of<Enum>("|");
  }
  template <EnumField Enum>
  static std::string type_of(const WordOrNumbers<Enum>&) {
    return names_of<Enum>("|") + "|list of numbers";
  }

  std::vector<KeyDescription>& out_;
  double most_;  ///< For every integer, whatever its own range.
  std::string prefix_;
};

template <Section T>
std::vector<KeyDescription> list_keys(T section, double most = Rule().high) {
  std::vector<KeyDescription> keys;
  Lister lister(keys, most);
  section.describe(lister);
  return keys;
}

}  // namespace

std::string to_text(const std::string& value) {
  // Plain where nothing in it means anything to YAML, in a list in brackets
  // too. A text like `on` or `12` reads as a text all the same: the kind of a
  // value is its key's.
  const auto is_plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
           c == '.' || c == '/';
  };
  const bool plain = !value.empty() && is_plain(value.front()) &&
                     std::all_of(value.begin(), value.end(), [&](char c) {
                       return is_plain(c) || c == '-' || c == '+';
                     });
  if (plain) return value;
  YAML::Emitter emitter;
  emitter << YAML::DoubleQuoted << to_utf8(value);
  return emitter.c_str();
}

std::string dump_config(const RunConfig& config) {
  std::string out = "model:\n  family: " + family_name(config.model) + "\n";
  std::visit([&](const auto& options) { write(options, 2, out); },
             config.model);
  out += "data:\n";
  write(config.data, 2, out);
  out += "train:\n";
  write(config.train, 2, out);
  if (config.fine_tune.enabled()) {
    out += "fine_tune:\n";
    write(config.fine_tune, 2, out);
  }
  if (config.study.enabled()) {
    out += "study:\n";
    write(config.study, 2, out);
  }
  return out;
}

std::vector<KeyDescription> describe_keys(const ModelOptions& family) {
  return std::visit(
      [](const auto& options) { return list_keys(options, kMostOfModel); },
      family);
}
std::vector<KeyDescription> describe_data_keys() {
  return list_keys(DataOptions());
}
std::vector<KeyDescription> describe_train_keys() {
  return list_keys(TrainOptions());
}
std::vector<KeyDescription> describe_fine_tune_keys() {
  return list_keys(FineTuneOptions());
}
std::vector<KeyDescription> describe_study_keys() {
  return list_keys(StudyOptions());
}

}  // namespace skipzoo
