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
  std::string program;  ///< As it was called: for the commands to type next.
  std::string config;
  std::vector<std::string> overrides;
  std::string output;
  std::string device;
  std::vector<std::string> resume;  ///< One entry, empty for a bare --resume.
  bool print_config = false;

  bool resumes() const { return !resume.empty(); }
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
         std::all_of(rest.begin() + 1, rest.end(),
                     [](char c) { return c == '-' || (c >= '0' && c <= '9'); });
}

/// The config file as a run folder remembers it: names are not enough, there is
/// a resnet20.yaml for each data set.
std::string origin_of(const Arguments& args) {
  return args.config.empty() ? "" : fs::weakly_canonical(args.config).string();
}

/// The newest folder under runs/ of this config that holds a checkpoint.
fs::path newest_run(const Arguments& args) {
  const std::string name = config_name(args);
  std::optional<fs::path> newest;
  if (fs::is_directory(kRuns)) {
    for (const auto& entry : fs::directory_iterator(kRuns)) {
      const auto folder = entry.path().filename().string();
      if (!folder.starts_with(name) || !is_stamp(folder.substr(name.size())) ||
          !fs::exists(RunFolder::open(entry.path()).last()) ||
          RunFolder::open(entry.path()).origin() != origin_of(args)) {
        continue;
      }
      if (!newest || newest->filename() < entry.path().filename()) {
        newest = entry.path();
      }
    }
  }
  if (!newest) {
    throw FileError(kRuns, "holds no run of '" + name +
                               "' to resume; name one "
                               "by --resume PATH, or start without --resume");
  }
  return *newest;
}

/// The checkpoint that --resume means.
fs::path checkpoint_to_resume(const Arguments& args) {
  fs::path path = args.resume.front();
  if (!path.empty() && !args.output.empty()) {
    throw ConfigError(
        "--resume PATH goes on in the folder of that run; drop -o");
  }
  if (path.empty()) path = args.output;
  if (path.empty()) {
    if (args.config.empty()) {
      throw ConfigError(
          "--resume: give a run folder, or -c for the newest run "
          "of that config");
    }
    path = newest_run(args);
  }
  return fs::is_directory(path) ? RunFolder::open(path).last() : path;
}

/// Says where two resolved configs first differ.
void warn_of_difference(const std::string& what, const std::string& a,
                        const std::string& b) {
  std::istringstream a_lines(a), b_lines(b);
  for (std::string x, y; std::getline(a_lines, x);) {
    std::getline(b_lines, y);
    if (x == y) continue;
    const auto trimmed = [](const std::string& line) {
      return line.substr(std::min(line.find_first_not_of(' '), line.size()));
    };
    spdlog::warn("{}; first at '{}' against '{}'", what, trimmed(x),
                 trimmed(y));
    return;
  }
}

/// A resumed run keeps the config it began with, changed by --set alone; a
/// config named beside it is only compared.
LoadedConfig resumed_config(const Arguments& args, const Checkpoint& checkpoint,
                            const fs::path& from) {
  auto loaded = parse_config(checkpoint.identity.config, from.string(),
                             fs::current_path(), args.overrides);
  const auto text = dump_config(loaded.config);
  warn_of_difference("--set changes the config this run began with", text,
                     checkpoint.identity.config);
  if (!args.config.empty()) {
    const auto named = load_config(args.config, args.overrides).config;
    warn_of_difference(
        "the run goes on with the config it began with, not "
        "that of " +
            args.config,
        text, dump_config(named));
  }
  return loaded;
}

/// The end of a run in words, and its exit code.
int report_end(const Arguments& args, const RunFolder& folder,
               const TrainSummary& summary, const RunConfig& config) {
  if (summary.stopped) {
    spdlog::info("stopped; saved {}. To go on:\n  {} train --resume {}",
                 folder.last().string(), args.program, folder.path().string());
    return 128 + interrupted_by();
  }
  if (summary.last.images == 0) {
    spdlog::info(
        "nothing to do: all {} epochs are done; to train longer, add --set "
        "train.epochs=N",
        config.train.epochs);
    return 0;
  }
  if (summary.skipped > 0) {
    spdlog::warn("{} pictures could not be read and were skipped",
                 summary.skipped);
  }
  spdlog::info(
      "done: last epoch {:.2f} % top-1; best {} {:.4g} at epoch {}, in {}\n"
      "curves and confusion: {}\nnext: {} evaluate {}",
      summary.last.top1, name_of(config.train.eval_metric), summary.best.value,
      summary.best.epoch, folder.best().string(),
      (folder.path() / "report.html").string(), args.program,
      folder.best().string());
  return 0;
}

int run(const Arguments& args, const RunConfig& config,
        const Checkpoint* checkpoint, const fs::path& from) {
  set_threads(config.train.threads);
  const torch::Device device = resolve_device(config.train.device);
  const auto seed = config.train.seed;
  const auto data = open_training_data(config.data, in_channels(config.model),
                                       num_classes(config.model), seed);
  torch::manual_seed(static_cast<uint64_t>(seed));
  auto model = build_model(config, *data.train);

  const RunFolder folder =
      checkpoint != nullptr ? RunFolder::open(fs::absolute(from).parent_path())
                            : RunFolder::create(new_run_folder(args));
  log_to_file(folder.log());
  spdlog::info(
      "{}: {}, {} parameters, {} training and {} validation images, {}",
      folder.path().string(), family_name(config.model),
      count_parameters(*model), data.train->size(), data.validation->size(),
      describe_device(device));

  const auto loader = [&](const DatasetPtr& dataset, Loader::Mode mode) {
    return Loader(dataset, config.data, mode, seed, device.is_cuda());
  };
  ProgressBar bar;
  catch_interrupts();
  Trainer trainer(
      model, config.train, loader(data.train, Loader::Mode::kTrain),
      loader(data.validation, Loader::Mode::kEvaluate),
      make_inputs(config, device), make_identity(config, *data.train), folder,
      {.stop_requested = [] { return interrupted_by() != 0; },
       .on_step = [&bar](const StepReport& report) { bar.update(report); }});
  if (checkpoint != nullptr) {
    trainer.restore(*checkpoint, from);
    spdlog::info("resumed from {} at epoch {}, batch {}", from.string(),
                 checkpoint->position.epoch + 1, checkpoint->position.batch);
  }
  folder.write_config(dump_config(config), checkpoint != nullptr
                                               ? folder.origin()
                                               : origin_of(args));
  return report_end(args, folder, trainer.run(), config);
}

int train(const Arguments& args) {
  std::optional<Checkpoint> checkpoint;
  fs::path from;
  if (args.resumes()) {
    from = checkpoint_to_resume(args);
    checkpoint = load_checkpoint(from);
  } else if (args.config.empty()) {
    throw ConfigError(
        "train: give a config by -c FILE, e.g. configs/digits/resnet20.yaml");
  }
  auto [config, warnings] = checkpoint
                                ? resumed_config(args, *checkpoint, from)
                                : load_config(args.config, args.overrides);
  if (!args.device.empty()) config.train.device = args.device;
  for (const auto& warning : warnings) spdlog::warn(warning);
  if (args.print_config) {
    std::cout << dump_config(config);
    return 0;
  }
  return run(args, config, checkpoint ? &*checkpoint : nullptr, from);
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
  command
      ->add_option("--resume", args->resume,
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
  command->callback([args, command, &app, &exit_code] {
    args->program = app.get_name();
    if (command->count("--resume") > 0 && args->resume.empty()) {
      args->resume = {""};
    }
    exit_code = train(*args);
  });
}

}  // namespace skipzoo
