#include <algorithm>

#include "tools/config/multi_label_check.h"
#include "tools/config/reader.h"
#include "tools/config/renamed_keys.h"
#include "tools/config/run_config.h"
#include "tools/config/size.h"
#include "tools/config/source.h"
#include "tools/config/study_depths.h"
#include "tools/config/value.h"
#include "tools/error.h"
#include "tools/printable.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

std::string family_names() {
  std::string names;
  for (const auto& family : families()) {
    names += names.empty() ? "" : ", ";
    names += family_name(family);
  }
  return names;
}

/// Picks the family by its name, then reads its keys.
void read_model(const Value* node, const std::string& name, ModelOptions& model,
                Findings& findings) {
  if (node != nullptr && (node->kind == Value::Kind::kScalar ||
                          node->kind == Value::Kind::kList)) {
    findings.problems.push_back(
        node->place +
        ": model: expected a section of keys, e.g. {family: resnet}");
    return;
  }
  const Value* family = node == nullptr ? nullptr : node->find("family");
  if (family == nullptr) {
    findings.problems.push_back((node == nullptr ? name : node->place) +
                                ": model.family: missing; one of " +
                                family_names());
    return;
  }
  for (const auto& known : families()) {
    if (family_name(known) != family->text) continue;
    model = known;
    std::visit(
        [&](auto& options) {
          SectionReader(node, "model", name, findings, {"family"})
              .read(options);
        },
        model);
    return;
  }
  const auto given = family->kind == Value::Kind::kScalar
                         ? "unknown family '" + printable(family->text) + "'; "
                         : std::string("expected one word, ");
  findings.problems.push_back(family->place + ": model.family: " + given +
                              "one of " + family_names());
}

/// Where a key of a section stands; the config where it is not written.
std::string place_of(const Value& root, const std::string& section,
                     const std::string& key, const std::string& name) {
  const Value* within = root.find(section);
  const Value* value = within == nullptr ? nullptr : within->find(key);
  return value == nullptr ? name : value->place;
}

/// What a study makes of the network must be there to be made.
void check_study(const RunConfig& config, const Value& root,
                 const std::string& name, std::vector<std::string>& problems) {
  const auto& study = config.study;
  if (!study.enabled()) return;
  const auto known = study_skips(config.model);
  const auto report = [&](const std::string& key, const std::string& what) {
    problems.push_back(place_of(root, "study", key, name) + ": study." + key +
                       ": " + what);
  };
  if (known.empty()) {
    return report("skips", "a " + family_name(config.model) +
                               " has no model.shortcut to choose; its twin of "
                               "another network is the word dense, with "
                               "family: resnet");
  }
  std::string words;
  for (const auto& word : known) words += (words.empty() ? "" : ", ") + word;
  for (const auto& skip : study.skips) {
    if (std::ranges::count(known, skip) > 0) continue;
    report("skips", "one of " + words + ", got '" + printable(skip) + "'");
  }
  for (const int64_t depth : study.depths) {
    const auto problem = depth_problem(config.model, depth);
    if (!problem.empty()) report("depths", problem);
  }
  if (config.train.max_minutes > 0) {
    report("skips",
           "train.max_minutes would end its networks after different numbers "
           "of epochs; leave train.epochs alone to do it");
  }
  if (config.fine_tune.enabled()) {
    report("skips",
           "fine_tune.weights are those of one network, and a study trains "
           "several, from scratch");
  }
}

/// Rules between sections.
void check(const RunConfig& config, const Value& root, const std::string& name,
           std::vector<std::string>& problems) {
  const int64_t channels = in_channels(config.model);
  const int64_t classes = num_classes(config.model);
  const auto& data = config.data;
  const auto size = static_cast<int64_t>(data.mean.size());
  if (size != 0 && size != channels) {
    problems.push_back(
        name + ": data: mean and std have " + std::to_string(size) +
        " entries but model.in_channels is " + std::to_string(channels));
  }
  if (channels != 1 && channels != 3 &&
      data.dataset != DatasetKind::kSynthetic) {
    problems.push_back(name +
                       ": model.in_channels: pictures are read with 1 or 3 "
                       "channels, got " +
                       std::to_string(channels));
  }
  const auto& weights = config.train.class_weights.numbers;
  const auto given = static_cast<int64_t>(weights.size());
  if (given != 0 && given != classes) {
    problems.push_back(
        name + ": train.class_weights: has " + std::to_string(given) +
        " entries but model.num_classes is " + std::to_string(classes));
  }
  for (const auto& [section, key, text] : multi_label_problems(config)) {
    problems.push_back(place_of(root, section, key, name) + ": " + section +
                       "." + key + ": " + text);
  }
  const auto undroppable = why_no_drop_path(config.model);
  if (config.train.drop_path > 0 && !undroppable.empty()) {
    problems.push_back(place_of(root, "train", "drop_path", name) +
                       ": train.drop_path: " + undroppable);
  }
  const auto& erasing = data.augment.random_erasing;
  const auto filled = static_cast<int64_t>(erasing.value.numbers.size());
  if (erasing.p > 0 && filled > 1 && filled != channels) {
    problems.push_back(
        name + ": data.augment.random_erasing.value: has " +
        std::to_string(filled) + " entries but model.in_channels is " +
        std::to_string(channels) + "; give one number, or one a channel");
  }
  const int64_t cifar = data.dataset == DatasetKind::kCifar10    ? 10
                        : data.dataset == DatasetKind::kCifar100 ? 100
                                                                 : 0;
  if (cifar != 0 && classes != cifar) {
    problems.push_back(name + ": model.num_classes: must be " +
                       std::to_string(cifar) + " for data.dataset " +
                       std::string(name_of(data.dataset)) + ", got " +
                       std::to_string(classes));
  }
  check_study(config, root, name, problems);
}

/// From the tree of a file to a config, overrides applied.
LoadedConfig read_tree(Value root, const std::string& name,
                       const std::vector<std::string>& overrides) {
  for (const auto& assignment : overrides) apply_override(root, assignment);
  Findings findings;
  LoadedConfig loaded;
  RunConfig& config = loaded.config;
  check_keys(root, "", {"model", "data", "train", "fine_tune", "study"},
             findings);
  read_model(root.find("model"), name, config.model, findings);
  SectionReader(root.find("data"), "data", name, findings).read(config.data);
  SectionReader(root.find("train"), "train", name, findings).read(config.train);
  SectionReader(root.find("fine_tune"), "fine_tune", name, findings)
      .read(config.fine_tune);
  SectionReader(root.find("study"), "study", name, findings).read(config.study);
  if (findings.problems.empty()) check(config, root, name, findings.problems);
  if (findings.problems.empty()) check_size(config, name, findings.problems);
  if (!findings.problems.empty()) throw ConfigError(findings.problems);
  loaded.warnings = std::move(findings.warnings);
  return loaded;
}

Value parse_tree(const std::string& text, const std::string& name,
                 const fs::path& folder) {
  Value root = parse_yaml(text, {name, folder});
  if (root.kind == Value::Kind::kSection) return root;
  throw ConfigError(name + ": expected the sections model, data and train" +
                    (root.kind == Value::Kind::kNothing ? ", found nothing"
                     : root.kind == Value::Kind::kList  ? ", found a list"
                                                        : ", found a text"));
}

}  // namespace

LoadedConfig parse_config(const std::string& text, const std::string& name,
                          const fs::path& folder,
                          const std::vector<std::string>& overrides) {
  return read_tree(parse_tree(text, name, folder), name, overrides);
}

LoadedConfig parse_resolved_config(const std::string& text,
                                   const std::string& name,
                                   const std::vector<std::string>& overrides,
                                   int64_t format) {
  Value root = parse_tree(text, name, fs::current_path());
  rename_keys(root, format);
  const Value* train = root.find("train");
  const Value* schedule = train == nullptr ? nullptr : train->find("schedule");
  std::vector<std::string> all;
  if (schedule != nullptr && schedule->find("warmup_lr") != nullptr &&
      schedule->find("warmup") == nullptr) {
    all.push_back("train.schedule.warmup=from_start");
  }
  // Before there was this key, a label was the whole of its cell.
  const Value* data = root.find("data");
  if (data != nullptr && data->find("csv") != nullptr &&
      data->find("multi_label") == nullptr) {
    all.push_back("data.multi_label=false");
  }
  for (const auto& later : later_keys()) {
    if (format > later.last_format) continue;
    all.push_back(std::string(later.key) + "=" + std::string(later.value));
  }
  all.insert(all.end(), overrides.begin(), overrides.end());
  return read_tree(std::move(root), name, all);
}

LoadedConfig load_config(const fs::path& file,
                         const std::vector<std::string>& overrides) {
  const ConfigText read = read_config_text(file);
  return parse_config(read.text, read.name, read.folder, overrides);
}

std::vector<int64_t> input_shape(const RunConfig& config) {
  const int64_t size =
      config.data.image_size == 0 ? 32 : config.data.image_size;
  return {in_channels(config.model), size, size};
}

}  // namespace skipzoo
