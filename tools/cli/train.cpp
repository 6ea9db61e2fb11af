#include <spdlog/spdlog.h>

#include <iostream>

#include "tools/cli/commands.h"
#include "tools/cli/folds.h"
#include "tools/cli/init.h"
#include "tools/cli/processes.h"
#include "tools/cli/resume.h"
#include "tools/cli/train_place.h"
#include "tools/cli/training.h"
#include "tools/config/fields.h"
#include "tools/config/source.h"
#include "tools/data/layout.h"
#include "tools/error.h"
#include "tools/file.h"
#include "tools/run/trained_with.h"

namespace skipzoo {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFineTune = "fine-tune";

/// Where --resume goes on, and the text of the config it began with.
Start resume(TrainArguments& args, std::string& began_with, fs::path& stands) {
  const ToResume to = run_to_resume(args);
  Start start;
  auto folder = RunFolder::open(to.folder);
  start.origin = folder.origin();
  if (to.checkpoint.empty()) {
    spdlog::info("{}: holds no checkpoint yet: begins anew by its config.yaml",
                 to.folder.string());
    args.output = to.folder;
    stands = folder.config();
    const auto bytes = read_file(stands);
    began_with.assign(bytes.begin(), bytes.end());
    return start;
  }
  // Before it is read: another process might be about to write the next.
  if (!args.print_config && place_of_process().rank == 0) folder.lock();
  start.folder = folder;
  start.from = stands = to.checkpoint;
  start.checkpoint = load_checkpoint(start.from);
  began_with = start.checkpoint->metadata.config;
  auto& position = start.checkpoint->position;
  const auto config = config_of(start.checkpoint->metadata);
  if (position.pictures_of_batch == 0 && config) {
    // From before several processes could train.
    position.pictures_of_batch = config->data.batch_size;
    position.pictures = position.batch * config->data.batch_size;
  }
  return start;
}

/// What is wrong with the config is said before others are started, once.
int train_in_processes(const TrainArguments& args) {
  if (is_piped(args.config)) {
    throw ConfigError(
        "--nproc: each process reads the config, and this one is piped: give "
        "a file");
  }
  if (!args.config.empty()) load_config(args.config, args.overrides);
  return start_processes(args);
}

int train_once(TrainArguments args) {
  if (!args.print_config && starts_processes(args.nproc)) {
    return train_in_processes(args);
  }
  let_first_speak();
  Start start;
  std::string began_with;
  fs::path stands;
  if (args.resumes()) {
    start = resume(args, began_with, stands);
  } else if (args.config.empty()) {
    throw ConfigError(
        args.command +
        ": give a config by -c FILE, e.g. "
        "configs/digits/resnet20.yaml" +
        (args.command == kFineTune ? "" : ", or a folder of pictures"));
  } else {
    start.origin = origin_of(args);
  }
  // A config.yaml alone is as new as this program can know.
  const int64_t format =
      start.checkpoint ? start.checkpoint->metadata.format : kCheckpointFormat;
  auto [config, warnings] =
      args.resumes() ? resumed_config(args, began_with, stands, format)
                     : load_config(args.config, args.overrides);
  if (args.command == kFineTune && !config.fine_tune.enabled()) {
    throw ConfigError(
        "fine-tune: give the weights to begin from by --weights FILE or "
        "fine_tune.weights");
  }
  if (!args.device.empty()) config.train.device = args.device;
  for (const auto& warning : warnings) spdlog::warn(warning);
  if (config.study.enabled()) {
    spdlog::info(
        "study: is for 'skipzoo study'; trained here is the network of model "
        "alone");
    config.study = {};
  }
  if (!args.resumes()) config.data = as_laid_out(config.data);
  if (args.print_config) {
    std::cout << dump_config(config);
    return 0;
  }
  return run_training(args, config, start);
}

int train(const TrainArguments& args) {
  if (args.folds == 0) return train_once(args);
  if (place_of_process().size > 1) {
    throw ConfigError(
        "--folds: each fold is a run of its own; start one process, with "
        "--nproc for each fold's");
  }
  return train_folds(args, args.folds, train_once);
}

/// What train and fine-tune take alike.
void add_options(CLI::App& command, TrainArguments& args) {
  command.add_option("-c,--config", args.config,
                     "The run's YAML file; - for standard input");
  command.add_option("--set", args.overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  command.add_option("-o,--output", args.output,
                     "Run folder; else runs/<config>-<date>-<time>");
  command
      .add_option("--resume", args.resume,
                  "Go on with a run: a folder or checkpoint; bare, the "
                  "folder of -o, else the newest run of the config")
      ->expected(0, 1)
      ->default_str("");
  constexpr int64_t kMostFolds = 100;
  command
      .add_option("--folds", args.folds,
                  "Cross-validation: as many runs, each validated on another "
                  "part of the training pictures")
      ->check(CLI::Range(int64_t{2}, kMostFolds));
  command.add_option("--device", args.device,
                     "auto, cpu, cuda or cuda:<index>; else train.device");
  add_nproc_option(command, args.nproc);
  add_fetch_options(command, args.fetch);
  command.add_flag("--print-config", args.print_config,
                   "Print the config with all defaults and end");
}

/// As they were typed: a bare --resume too.
void finish_arguments(const CLI::App& app, const CLI::App& command,
                      TrainArguments& args) {
  args.program = argument_text(app.get_name());
  args.command = command.get_name();
  if (command.count("--resume") > 0 && args.resume.empty()) args.resume = {""};
}

}  // namespace

void add_train(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<TrainArguments>();
  auto request = std::make_shared<InitRequest>();
  CLI::App* command = app.add_subcommand("train", "Train a network");
  command->add_option("place", request->place,
                      "Pictures to choose a config for, instead of -c: as "
                      "'skipzoo init', which writes it here");
  add_options(*command, *args);
  add_init_options(*command, *request);
  command->footer(
      "Examples:\n"
      "  skipzoo train photos/ --minutes 20\n"
      "  skipzoo train -c configs/digits/resnet20.yaml\n"
      "  skipzoo train -c configs/digits/resnet20.yaml --set train.epochs=5\n"
      "  skipzoo train -c configs/digits/resnet20.yaml --resume");
  command->callback([args, request, command, &app, &exit_code] {
    finish_arguments(app, *command, *args);
    check_place(*command, *request);
    if (!request->place.empty()) {
      args->config = config_for_place(*command, *request, *args);
    }
    exit_code = train(*args);
  });
}

void add_fine_tune(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<TrainArguments>();
  auto weights = std::make_shared<std::filesystem::path>();
  auto key = std::make_shared<std::string>();
  auto freeze = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand(
      kFineTune, "Train a network from the weights of another");
  add_options(*command, *args);
  command->add_option("--weights", *weights,
                      "A .pth, .safetensors, .skz or run folder; where there "
                      "is none of that name, published weights (resnet50; see "
                      "'skipzoo weights'); else fine_tune.weights");
  command->add_option("--key", *key,
                      "Which of several networks in that file; else "
                      "fine_tune.key");
  command
      ->add_option("--freeze", *freeze,
                   "What stands still: a name or pattern; may be repeated")
      ->allow_extra_args(false);
  command->footer(
      "Examples:\n"
      "  skipzoo fine-tune -c photos.yaml --weights resnet50.pth\n"
      "  skipzoo fine-tune -c photos.yaml --weights resnet50:IMAGENET1K_V2\n"
      "  skipzoo fine-tune -c photos.yaml --weights resnet50.pth --freeze "
      "'*'\n"
      "  skipzoo fine-tune -c photos.yaml --weights resnet50.pth \\\n"
      "    --freeze conv1 --freeze bn1 --freeze layer1 "
      "--set fine_tune.head_lr_scale=10");
  command->callback([=, &app, &exit_code] {
    finish_arguments(app, *command, *args);
    auto& overrides = args->overrides;
    if (!weights->empty() && args->resumes()) {
      throw ConfigError(
          "--resume goes on from the run's own checkpoint; drop --weights");
    }
    if (!weights->empty()) {
      overrides.push_back("fine_tune.weights=" + to_text(*weights));
    }
    if (!key->empty()) {
      overrides.push_back("fine_tune.key=" + to_text(*key));
    }
    if (!freeze->empty()) {
      overrides.push_back("fine_tune.freeze=" + to_text(*freeze));
    }
    exit_code = train(*args);
  });
}

}  // namespace skipzoo
