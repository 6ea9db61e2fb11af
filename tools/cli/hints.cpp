#include "tools/cli/hints.h"

#include <algorithm>

#include "tools/config/nearest.h"
#include "tools/config/run_config.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

std::vector<std::string> subcommands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands(nullptr)) {
    names.push_back(command->get_name());
  }
  return names;
}

/// The full name of the config key that `name` is the last part of, with its
/// section; empty where there is none.
std::string key_named(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  std::vector<std::pair<std::string, std::vector<KeyDescription>>> sections = {
      {"train.", describe_train_keys()},
      {"data.", describe_data_keys()},
      {"fine_tune.", describe_fine_tune_keys()},
      {"study.", describe_study_keys()}};
  for (const auto& family : families()) {
    sections.emplace_back("model.", describe_keys(family));
  }
  for (const auto& [section, keys] : sections) {
    for (const auto& key : keys) {
      if (key.key == name || key.key.ends_with("." + name)) {
        return section + key.key;
      }
    }
  }
  return "";
}

std::string hint_for_option(const CLI::App& command, const std::string& given) {
  const auto name = given.substr(0, given.find('='));
  if (const auto key = key_named(name.substr(2));
      !key.empty() && command.get_option_no_throw("--set") != nullptr) {
    return name + ": the config's keys are given by --set, here --set " + key +
           "=VALUE";
  }
  std::vector<std::string> known;
  for (const auto* option : command.get_options()) {
    for (const auto& word : option->get_lnames()) known.push_back("--" + word);
  }
  const auto meant = nearest(name, known);
  return meant.empty() ? "" : name + ": did you mean " + meant + "?";
}

}  // namespace

void check_subcommand(const CLI::App& app,
                      const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments[0].starts_with('-')) return;
  const auto& given = arguments[0];
  const auto known = subcommands(app);
  if (std::find(known.begin(), known.end(), given) != known.end()) return;
  std::string all;
  for (const auto& name : known) all += (all.empty() ? "" : ", ") + name;
  const auto meant = nearest(given, known);
  throw ConfigError("'" + given + "' is no subcommand; " +
                    (meant.empty() ? "" : "did you mean '" + meant + "'? ") +
                    "There are " + all);
}

std::string hint_for(CLI::App& app, const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments[0].starts_with('-')) return "";
  const CLI::App& command = *app.get_subcommand(arguments[0]);
  for (size_t i = 1; i < arguments.size(); ++i) {
    const auto& word = arguments[i];
    const bool is_option = word.size() > 2 && word.starts_with("--");
    if (is_option && command.get_option_no_throw(
                         word.substr(0, word.find('='))) == nullptr) {
      return hint_for_option(command, word);
    }
    if (!arguments[i - 1].starts_with('-') &&
        (word.ends_with(".yaml") || word.ends_with(".yml")) &&
        command.get_option_no_throw("--config") != nullptr) {
      return word + ": a config is given by -c " + word;
    }
  }
  return "";
}

}  // namespace skipzoo
