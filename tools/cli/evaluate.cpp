#include <spdlog/spdlog.h>

#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "tools/cli/commands.h"
#include "tools/cli/run.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/train/run_folder.h"
#include "tools/weights/fit.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

struct Arguments {
  std::filesystem::path checkpoint;
  std::string config;
  std::vector<std::string> overrides;
  std::string device;
  bool json = false;
};

void print_json(const Evaluation& result,
                const std::vector<std::string>& classes) {
  ordered_json per_class = ordered_json::array();
  const auto scores = class_scores(result.confusion);
  for (size_t c = 0; c < scores.size(); ++c) {
    per_class.push_back({{"class", classes[c]},
                         {"precision", scores[c].precision},
                         {"recall", scores[c].recall},
                         {"f1", scores[c].f1},
                         {"images", scores[c].images}});
  }
  std::cout << ordered_json{{"loss", result.loss},
                            {"top1", result.top1},
                            {"top5", result.top5},
                            {"images", result.images},
                            {"skipped", result.skipped},
                            {"per_class", per_class},
                            {"confusion", result.confusion}}
                   .dump()
            << '\n';
}

void print_confusion(const Evaluation& result) {
  constexpr size_t kMost = 20;  // More columns than this do not fit a terminal.
  if (result.confusion.size() > kMost) return;
  std::cout << "\nconfusion: rows are true classes, columns predicted ones\n";
  for (const auto& row : result.confusion) {
    for (const auto count : row) std::cout << std::setw(6) << count;
    std::cout << '\n';
  }
}

void print_text(const Evaluation& result,
                const std::vector<std::string>& classes) {
  std::cout << std::fixed << std::setprecision(2) << "top-1 " << result.top1
            << " %, top-5 " << result.top5 << " %, loss "
            << std::setprecision(4) << result.loss << ", " << result.images
            << " images";
  if (result.skipped > 0) std::cout << ", " << result.skipped << " skipped";
  std::cout << "\n\n"
            << std::left << std::setw(20) << "class" << std::right
            << std::setw(10) << "precision" << std::setw(10) << "recall"
            << std::setw(10) << "F1" << std::setw(10) << "images" << '\n';
  const auto scores = class_scores(result.confusion);
  for (size_t c = 0; c < scores.size(); ++c) {
    std::cout << std::left << std::setw(20) << classes[c] << std::right
              << std::setw(10) << scores[c].precision << std::setw(10)
              << scores[c].recall << std::setw(10) << scores[c].f1
              << std::setw(10) << scores[c].images << '\n';
  }
  print_confusion(result);
}

/// The model section of a resolved config.
std::string model_part(const std::string& config) {
  return config.substr(0, config.find("\ndata:"));
}

void run(const Arguments& given) {
  Arguments args = given;
  if (std::filesystem::is_directory(args.checkpoint)) {
    args.checkpoint = RunFolder::open(args.checkpoint).best();
  }
  const WeightFile file = read_weight_file(args.checkpoint);
  std::optional<Identity> identity;
  if (file.kind == WeightKind::kSkipzoo) {
    identity = load_checkpoint(args.checkpoint).identity;
  } else if (args.config.empty()) {
    throw ConfigError(args.checkpoint.string() + ": " +
                      std::string(kind_text(file.kind)) +
                      " says nothing of its network; name it by -c CONFIG");
  }
  const auto [config, warnings] =
      args.config.empty()
          ? parse_config(identity->config, args.checkpoint.string(),
                         std::filesystem::current_path(), args.overrides)
          : load_config(args.config, args.overrides);
  for (const auto& warning : warnings) spdlog::warn(warning);

  set_threads(config.train.threads);
  const auto device =
      resolve_device(args.device.empty() ? config.train.device : args.device);
  const auto dataset =
      open_dataset(config.data, Split::kTest, in_channels(config.model),
                   num_classes(config.model));
  if (identity && dataset->classes() != identity->classes) {
    spdlog::warn(
        "the class names of the data differ from those the network "
        "was trained with");
  }
  auto model = build_model(config, *dataset);
  const Fit fit(file.tensors, *model);
  if (!fit.report().complete()) {
    throw FileError(
        args.checkpoint,
        "does not fit the network of the config: " + fit.report().text());
  }
  if (!identity) spdlog::info(fit.report().text());
  for (const auto& sentence : fit.report().adapted) spdlog::warn(sentence);
  if (identity &&
      model_part(identity->config) != model_part(dump_config(config))) {
    spdlog::warn("the network is not the one these weights were trained in");
  }
  fit.copy();
  const auto inputs = make_inputs(config, device);
  place(*model, device, config.train.channels_last);
  Loader loader(dataset, config.data, Loader::Mode::kEvaluate,
                config.train.seed, device.is_cuda());
  const Evaluation result = evaluate(*model, loader, inputs);
  if (args.json) {
    print_json(result, dataset->classes());
  } else {
    print_text(result, dataset->classes());
  }
}

}  // namespace

void add_evaluate(CLI::App& app) {
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "evaluate", "Accuracy of a checkpoint or weight file on the test split");
  command
      ->add_option("checkpoint", args->checkpoint,
                   "A run folder or file from 'train', or weights with -c")
      ->required();
  command->add_option("-c,--config", args->config,
                      "The network and data of a weight file; else the "
                      "checkpoint's own");
  command->add_option("--set", args->overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  command->add_option("--device", args->device,
                      "auto, cpu, cuda or cuda:<index>; else train.device");
  command->add_flag("--json", args->json, "Print one JSON object");
  command->footer("Example:\n  skipzoo evaluate runs/RUN/best.skz --json");
  command->callback([args] { run(*args); });
}

}  // namespace skipzoo
