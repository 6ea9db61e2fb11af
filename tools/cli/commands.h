#pragma once

#include <CLI/CLI.hpp>

namespace skipzoo {

// Each adds one subcommand: its name, help, arguments and code. An exit code
// other than 0 goes to `exit_code`; errors are thrown.

void add_data(CLI::App& app, int& exit_code);
void add_init(CLI::App& app);
void add_train(CLI::App& app, int& exit_code);
void add_fine_tune(CLI::App& app, int& exit_code);
void add_evaluate(CLI::App& app, int& exit_code);
void add_plan(CLI::App& app);
void add_predict(CLI::App& app, int& exit_code);
void add_export(CLI::App& app);
void add_benchmark(CLI::App& app, int& exit_code);
void add_lr_find(CLI::App& app);
void add_study(CLI::App& app, int& exit_code);
void add_report(CLI::App& app);
void add_describe(CLI::App& app);
void add_inspect(CLI::App& app);
void add_convert(CLI::App& app);
void add_weights(CLI::App& app);

/// The words an option takes, and the values they stand for.
template <typename Value>
CLI::Validator one_of(std::vector<std::pair<std::string, Value>> words) {
  return CLI::Validator(
      [words](std::string& text) {
        std::string names;
        for (const auto& [name, value] : words) {
          if (name == text) {
            text = std::to_string(static_cast<int64_t>(value));
            return std::string();
          }
          names += (names.empty() ? "" : ", ") + name;
        }
        return "expected one of " + names + ", got '" + text + "'";
      },
      "");
}

/// An option that takes one of these words; its help names them.
template <typename Value>
CLI::Option* add_choice(
    CLI::App& command, const std::string& name, Value& value,
    const std::string& help,
    const std::vector<std::pair<std::string, Value>>& words) {
  std::string names;
  for (const auto& entry : words) {
    names += (names.empty() ? "" : "|") + entry.first;
  }
  return command.add_option(name, value, help)
      ->transform(one_of<Value>(words))
      ->type_name(names);
}

struct InitRequest;
/// --weights and --minutes, of those that choose a config for pictures.
void add_init_options(CLI::App& command, InitRequest& request);

struct FetchOptions;
/// --offline, of every subcommand that takes published weights by their name;
/// and show_fetching().
void add_fetch_options(CLI::App& command, FetchOptions& fetch);
/// A bar on a terminal while they are fetched.
void show_fetching(FetchOptions& fetch);

struct NetworkSource;
struct LoadedNetwork;
/// The arguments of every subcommand that uses a network: the file, -c, --set,
/// --device and those of add_fetch_options().
void add_network_options(CLI::App& command, NetworkSource& source);
/// --dtype, of those that run it.
void add_dtype_option(CLI::App& command, NetworkSource& source);
/// --raw, of those that take a checkpoint.
void add_raw_option(CLI::App& command, NetworkSource& source);
/// --tta, of the same.
void add_tta_option(CLI::App& command, NetworkSource& source);
/// Logs where --dtype would make it faster on this processor, or does not.
void say_what_dtype_does(const LoadedNetwork& network,
                         const NetworkSource& source);

}  // namespace skipzoo
