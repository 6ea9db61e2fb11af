#include <spdlog/spdlog.h>
#include <torch/utils.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <optional>
#include <sstream>

#include "tools/cli/commands.h"
#include "tools/cli/interrupt.h"
#include "tools/cli/progress_bar.h"
#include "tools/cli/run.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/log.h"
#include "tools/train/trainer.h"

namespace skipzoo {

namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string config;
  std::vector<std::string> overrides;
  std::string output;
  std::string device;
  std::vector<std::string> resume;  ///< One entry, empty for a bare --resume.
  bool print_config = false;

  bool resumes() const { return !resume.empty(); }
  /// Only ever in a message: the command as a person would type it again.
  std::string resume_command(const fs::path& folder) const {
    return "skipzoo train" + (config.empty() ? "" : " -c " + config) +
           " --resume " + folder.string();
  }
};

constexpr const char* kRuns = "runs";

std::string config_name(const Arguments& args) {
  return fs::path(args.config).stem().string();
}

/// runs/<config name>-<date>-<time>, with a number behind where two runs start
/// in the same second.
fs::path new_run_folder(const Arguments& args) {
  if (!args.output.empty()) return args.output;
  const std::time_t now = std::time(nullptr);
  char stamp[32];
  std::strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", std::localtime(&now));
  const fs::path base = fs::path(kRuns) / (config_name(args) + "-" + stamp);
  fs::path path = base;
  for (int i = 2; fs::exists(path); ++i) {
    path = base;
    path += "-" + std::to_string(i);
  }
  return path;
}

/// Whether `rest` is "-<date>-<time>", perhaps with a number behind.
bool is_stamp(const std::string& rest) {
  return rest.size() >= 16 && rest[0] == '-' && rest[9] == '-' &&
         std::all_of(rest.begin() + 1, rest.end(), [](char c) {
           return c == '-' || (c >= '0' && c <= '9');
         });
}

/// The newest folder under runs/ of this config that holds a checkpoint.
fs::path newest_run(const Arguments& args) {
  const std::string name = config_name(args);
  std::optional<fs::path> newest;
  if (fs::is_directory(kRuns)) {
    for (const auto& entry : fs::directory_iterator(kRuns)) {
      const auto folder = entry.path().filename().string();
      if (!folder.starts_with(name) || !is_stamp(folder.substr(name.size())) ||
          !fs::exists(entry.path() / "last.skz")) {
        continue;
      }
      if (!newest || newest->filename() < entry.path().filename()) {
        newest = entry.path();
      }
    }
  }
  if (!newest) {
    throw FileError(kRuns, "holds no run of '" + name + "' to resume; name one "
                           "by --resume PATH, or start without --resume");
  }
  return *newest;
}

/// The checkpoint that --resume means.
fs::path checkpoint_to_resume(const Arguments& args) {
  fs::path path = args.resume.front();
  if (path.empty()) path = args.output;
  if (path.empty()) {
    if (args.config.empty()) {
      throw ConfigError("--resume: give a run folder, or -c for the newest run "
                        "of that config");
    }
    path = newest_run(args);
  }
  return fs::is_directory(path) ? path / "last.skz" : path;
}

/// A resumed run takes its config from -c where given, else from the checkpoint.
LoadedConfig config_of(const Arguments& args, const Checkpoint* checkpoint,
                       const fs::path& path) {
  if (!args.config.empty()) return load_config(args.config, args.overrides);
  return parse_config(checkpoint->identity.config, path.string(),
                      fs::current_path(), args.overrides);
}

/// Says which lines of the config differ from those the run began with.
void warn_of_changes(const std::string& before, const std::string& now) {
  std::istringstream old_lines(before), new_lines(now);
  for (std::string a, b; std::getline(new_lines, b);) {
    std::getline(old_lines, a);
    if (a == b) continue;
    spdlog::warn("the config differs from the one this run began with, first "
                 "at '{}' (was '{}')",
                 b.substr(b.find_first_not_of(' ')),
                 a.substr(std::min(a.find_first_not_of(' '), a.size())));
    return;
  }
}

int report_end(const Arguments& args, const RunFolder& folder,
               const TrainSummary& summary, const RunConfig& config) {
  if (summary.stopped) {
    const int signal = interrupted_by();
    spdlog::info("stopped; saved {}. To go on:\n  {}",
                 folder.last().string(), args.resume_command(folder.path()));
    return 128 + signal;
  }
  if (summary.best.epoch == 0) {
    spdlog::info("nothing to do: all {} epochs are done", config.train.epochs);
    return 0;
  }
  spdlog::info(
      "done: last epoch {:.2f} % top-1; best {} {:.4g} at epoch {}, in {}\n"
      "curves and confusion: {}\nnext: skipzoo evaluate {}",
      summary.last.top1, name_of(config.train.eval_metric), summary.best.value,
      summary.best.epoch, folder.best().string(),
      (folder.path() / "report.html").string(), folder.best().string());
  return 0;
}

int train(const Arguments& args) {
  std::optional<Checkpoint> checkpoint;
  fs::path from;
  if (args.resumes()) {
    from = checkpoint_to_resume(args);
    checkpoint = load_checkpoint(from);
  } else if (args.config.empty()) {
    throw ConfigError("train: give a config by -c FILE, e.g. "
                      "configs/digits/resnet20.yaml");
  }
  const auto [config, warnings] =
      config_of(args, checkpoint ? &*checkpoint : nullptr, from);
  for (const auto& warning : warnings) spdlog::warn(warning);
  if (args.print_config) {
    std::cout << dump_config(config);
    return 0;
  }

  prepare_cpu(config.train.threads);
  const torch::Device device = resolve_device(
      args.device.empty() ? config.train.device : args.device);
  const auto data =
      open_training_data(config.data, in_channels(config.model),
                         num_classes(config.model), config.train.seed);
  torch::manual_seed(static_cast<uint64_t>(config.train.seed));
  auto model = build_model(config, *data.train);

  RunFolder folder =
      checkpoint ? RunFolder::resume(fs::absolute(from).parent_path(),
                                     checkpoint->position.epoch)
                 : RunFolder::create(new_run_folder(args));
  log_to_file(folder.log());
  folder.write_config(dump_config(config));
  const int64_t parameters = count_parameters(*model);
  spdlog::info("{}: {}, {} parameters, {} training and {} validation images, {}",
               folder.path().string(), family_name(config.model), parameters,
               data.train->size(), data.validation->size(),
               describe_device(device));
  if (config.data.batch_size > 1 &&
      data.train->size() % config.data.batch_size == 1) {
    spdlog::info("the last training batch holds one picture and is left out: "
                 "BatchNorm has no variance there");
  }

  ProgressBar bar;
  catch_interrupts();
  const bool pinned = device.is_cuda();
  const auto seed = config.train.seed;
  Trainer trainer(
      model, config.train,
      Loader(data.train, config.data, Loader::Mode::kTrain, seed, pinned),
      Loader(data.validation, config.data, Loader::Mode::kEvaluate, seed,
             pinned),
      make_inputs(config, device), make_identity(config, *data.train), folder,
      {.stop_requested = [] { return interrupted_by() != 0; },
       .on_step = [&bar](const StepReport& report) { bar.update(report); }});
  if (checkpoint) {
    warn_of_changes(checkpoint->identity.config, dump_config(config));
    trainer.restore(*checkpoint, from);
    spdlog::info("resumed from {} at epoch {}, batch {}", from.string(),
                 checkpoint->position.epoch + 1, checkpoint->position.batch);
  }
  const TrainSummary summary = trainer.run();
  return report_end(args, folder, summary, config);
}

}  // namespace

void add_train(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("train", "Train a network");
  command->add_option("-c,--config", args->config, "The run's YAML file");
  command->add_option("--set", args->overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  command->add_option("-o,--output", args->output,
                      "Run folder; else runs/<config>-<date>-<time>");
  command->add_option("--resume", args->resume,
                      "Go on with a run: a folder or checkpoint; bare, the "
                      "folder of -o, else the newest run of the config")
      ->expected(0, 1)
      ->default_str("");
  command->add_option("--device", args->device,
                      "auto, cpu, cuda or cuda:<index>; else train.device");
  command->add_flag("--print-config", args->print_config,
                    "Print the config with all defaults and end");
  command->footer(
      "Examples:\n"
      "  skipzoo train -c configs/digits/resnet20.yaml\n"
      "  skipzoo train -c configs/digits/resnet20.yaml --set train.epochs=5\n"
      "  skipzoo train -c configs/digits/resnet20.yaml --resume");
  command->callback([args, command, &exit_code] {
    if (command->count("--resume") > 0 && args->resume.empty()) {
      args->resume = {""};
    }
    exit_code = train(*args);
  });
}

}  // namespace skipzoo
