#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "models/classifier.h"
#include "tools/cli/commands.h"
#include "tools/cli/data_findings.h"
#include "tools/cli/progress_bar.h"
#include "tools/cli/set_up.h"
#include "tools/data/layout.h"
#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

struct DataArguments {
  std::string place;
  std::string config;
  std::vector<std::string> overrides;
  std::string out = "data.html";
  bool no_page = false;
  bool json = false;
  FetchOptions fetch;
};

/// What the pictures are for.
struct Asked {
  std::optional<RunConfig> config;  ///< Where one is named.
  DataOptions data;
  int64_t channels = 3;
  int64_t classes = 0;
};

Asked asked_for(const DataArguments& args) {
  if (args.place.empty() == args.config.empty()) {
    throw ConfigError(
        "data: give a folder or table of pictures, or a config by -c FILE");
  }
  if (args.config.empty() && !args.overrides.empty()) {
    throw ConfigError("data: --set changes a config; give one by -c FILE");
  }
  Asked asked;
  if (args.config.empty()) {
    asked.data = data_at(args.place);
    asked.classes = std::ssize(classes_found(asked.data));
    asked.data.on_error = OnError::kSkip;
    return asked;
  }
  auto [config, warnings] = load_config(args.config, args.overrides);
  for (const auto& warning : warnings) spdlog::warn(warning);
  config.data = as_laid_out(config.data);
  asked.data = config.data;
  asked.channels = in_channels(config.model);
  asked.classes = num_classes(config.model);
  asked.config = std::move(config);
  return asked;
}

TrainingData opened(const Asked& asked) {
  // What cannot be read is named, all of it, whatever a run does then.
  auto data = asked.data;
  data.on_error = OnError::kSkip;
  data.workers = std::max<int64_t>(1, std::thread::hardware_concurrency());
  return open_training_data(data, asked.channels, asked.classes,
                            asked.config ? asked.config->train.seed : 1);
}

/// Why a run would not start, or end at a picture; empty: it would.
std::string why_not(const DataFindings& found, const Asked& asked,
                    const TrainingData& data, const FetchOptions& fetch) {
  if (asked.classes < 2) {
    return "pictures of one class alone" + hint_of_wrapper(asked.data);
  }
  for (size_t s = 0; s < 2; ++s) {  // A run looks at no others.
    const auto& split = found.splits[s];
    const auto read =
        std::ranges::count_if(split.pictures, &PictureFacts::is_read);
    if (read < 2) {
      return "too few pictures for " + split.name +
             " can be read: " + std::to_string(read);
    }
  }
  if (!asked.config) return "";
  if (asked.data.on_error == OnError::kStop && !found.unreadable().empty()) {
    return "pictures cannot be read, and data.on_error is stop";
  }
  try {
    set_up_training(*asked.config, fetch, data);
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

/// Splits that are there and that the run neither trains nor validates on.
std::vector<std::pair<std::string, DatasetPtr>> other_splits(
    const Asked& asked) {
  std::vector<std::pair<std::string, DatasetPtr>> others;
  auto data = asked.data;
  data.on_error = OnError::kSkip;
  const bool validates_on_split = data.holdout == 0;
  for (const auto& name : splits_at(asked.data)) {
    if (name == asked.data.train_split ||
        (validates_on_split && name == asked.data.val_split)) {
      continue;
    }
    data.val_split = name;
    try {
      others.emplace_back(name, open_dataset(data, Split::kTest, asked.channels,
                                             asked.classes));
    } catch (const FileError& error) {
      spdlog::warn("split '{}' is not looked at: {}", name, error.what());
    }
  }
  return others;
}

DataFindings findings(const DataArguments& args, const Asked& asked) {
  const auto data = opened(asked);
  DataFindings found{.named = args.place.empty() ? args.config : args.place,
                     .options = asked.data,
                     .splits = {},
                     .copies = {},
                     .odd = {},
                     .statistics = {},
                     .why_not = {}};
  found.options.workers =
      std::max<int64_t>(1, std::thread::hardware_concurrency());
  ProgressBar bar;
  const auto look = [&](const std::string& name, const DatasetPtr& split) {
    found.splits.push_back(
        facts_of_split(name, split,
                       {.threads = found.options.workers,
                        .on_progress = [&](int64_t done, int64_t all) {
                          bar.update(name, done, all);
                        }}));
  };
  look("train", data.train);
  look("validation", data.validation);
  for (const auto& [name, split] : other_splits(asked)) look(name, split);
  found.copies = copies_in(found.splits, found.options);
  found.odd = odd_pictures(found.splits);
  found.statistics =
      statistics_of(found.splits.front().pictures, asked.channels);
  found.why_not = why_not(found, asked, data, args.fetch);
  return found;
}

/// Of data that cannot even be opened.
int refuse(const DataArguments& args, const std::string& why) {
  if (args.json) {
    const nlohmann::ordered_json json = {
        {"data", args.place.empty() ? args.config : args.place},
        {"starts", false},
        {"why_not", as_utf8(why)}};
    std::cout << json.dump(2) << '\n';
  }
  spdlog::error("a run would not start: {}", why);
  return 1;
}

int show_data(const DataArguments& args) {
  if (args.out == "-") {
    throw ConfigError(
        "data: --out: the page goes into a file; --json prints what is found");
  }
  DataFindings found;
  try {
    found = findings(args, asked_for(args));
  } catch (const FileError& error) {
    return refuse(args, error.what());
  }
  std::cout << (args.json ? data_json(found) : data_text(found));
  if (!args.no_page) {
    write_output(args.out,
                 [&](OutputFile& file) { file.write(data_page(found)); });
    spdlog::info("contact sheet: {}", args.out);
  }
  return found.why_not.empty() ? 0 : 1;
}

}  // namespace

void add_data(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<DataArguments>();
  CLI::App* command = app.add_subcommand(
      "data", "Look at pictures: classes, sizes, damaged ones, copies");
  command->add_option("place", args->place,
                      "A folder of pictures in class folders, with splits or "
                      "without; or a table of them");
  command->add_option("-c,--config", args->config,
                      "The data of this config instead");
  command->add_option("--set", args->overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  auto* out = command
                  ->add_option("--out", args->out,
                               "The page with some pictures of each class")
                  ->capture_default_str();
  command->add_flag("--no-page", args->no_page, "Write no page")->excludes(out);
  command->add_flag("--json", args->json, "Print JSON");
  add_fetch_options(*command, args->fetch);
  command->footer(
      "Exits with 1 where a run by the config, or one that 'skipzoo init' "
      "plans, would not start.\n"
      "Examples:\n  skipzoo data photos/\n"
      "  skipzoo data -c configs/digits/resnet20.yaml");
  command->callback([args, &exit_code] { exit_code = show_data(*args); });
}

}  // namespace skipzoo
