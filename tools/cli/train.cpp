#include <spdlog/spdlog.h>
#include <torch/utils.h>

#include <iostream>
#include <optional>

#include "models/kernels/autocast.h"
#include "tools/cli/commands.h"
#include "tools/cli/interrupt.h"
#include "tools/cli/progress_bar.h"
#include "tools/cli/resume.h"
#include "tools/cli/run.h"
#include "tools/config/fields.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/log.h"
#include "tools/train/trainer.h"

namespace skipzoo {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFineTune = "fine-tune";

/// Begins from the weights of another, and says what became of them.
void begin_from(const FineTuneOptions& options, Classifier& model,
                const Identity& data) {
  const FitReport report = load_pretrained(model, options);
  spdlog::info("{}: {}", options.weights.string(), report.text());
  if (!report.complete()) {
    spdlog::warn(
        "fine_tune.strict is off: what the network lacks was left out, what "
        "the file lacks begins anew");
  }
  const auto trained = read_identity(weights_at(options.weights));
  if (!trained) return;
  warn_of_other_data(*trained, data);
  warn_of_other_network(*trained, data);
}

/// The end of a run in words, and its exit code.
int report_end(const TrainArguments& args, const RunFolder& folder,
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

int run(const TrainArguments& args, const RunConfig& config,
        const Checkpoint* checkpoint, const fs::path& from) {
  set_threads(config.train.threads);
  const torch::Device device = resolve_device(config.train.device);
  const auto seed = config.train.seed;
  const auto data = open_training_data(config.data, in_channels(config.model),
                                       num_classes(config.model), seed);
  torch::manual_seed(static_cast<uint64_t>(seed));
  auto model = make_model(config.model);
  const auto identity = make_identity(config, *data.train);
  check_passes(*model, identity.input_shape);
  const Freezing names_that_fit(config.fine_tune, *model);
  if (checkpoint == nullptr && config.fine_tune.enabled()) {
    begin_from(config.fine_tune, *model, identity);
  }

  const RunFolder folder =
      checkpoint != nullptr ? RunFolder::open(fs::absolute(from).parent_path())
                            : RunFolder::create(new_run_folder(args));
  log_to_file(folder.log());
  spdlog::info(
      "{}: {}, {} parameters, {} training and {} validation images, {}",
      folder.path().string(), family_name(config.model),
      count_parameters(*model), data.train->size(), data.validation->size(),
      describe_device(device));
  if (config.train.amp == Amp::kBf16 && device.is_cpu() &&
      !convolves_bfloat16()) {
    spdlog::warn(
        "train.amp: bf16 saves memory here and hardly time: this processor has "
        "no instructions for it, so it is computed in float32");
  }

  const auto loader = [&](const DatasetPtr& dataset, Loader::Mode mode) {
    return Loader(dataset, config.data, mode, seed, device.is_cuda());
  };
  ProgressBar bar;
  catch_interrupts();
  Trainer trainer(
      model, config.train, config.fine_tune,
      loader(data.train, Loader::Mode::kTrain),
      loader(data.validation, Loader::Mode::kEvaluate),
      make_inputs(config, device), identity, folder,
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

int train(const TrainArguments& args) {
  std::optional<Checkpoint> checkpoint;
  fs::path from;
  if (args.resumes()) {
    from = checkpoint_to_resume(args);
    checkpoint = load_checkpoint(from);
  } else if (args.config.empty()) {
    throw ConfigError(args.command +
                      ": give a config by -c FILE, e.g. "
                      "configs/digits/resnet20.yaml");
  }
  auto [config, warnings] = checkpoint
                                ? resumed_config(args, *checkpoint, from)
                                : load_config(args.config, args.overrides);
  if (args.command == kFineTune && !config.fine_tune.enabled()) {
    throw ConfigError(
        "fine-tune: give the weights to begin from by --weights FILE or "
        "fine_tune.weights");
  }
  if (!args.device.empty()) config.train.device = args.device;
  for (const auto& warning : warnings) spdlog::warn(warning);
  if (args.print_config) {
    std::cout << dump_config(config);
    return 0;
  }
  return run(args, config, checkpoint ? &*checkpoint : nullptr, from);
}

/// What train and fine-tune take alike.
void add_options(CLI::App& command, TrainArguments& args) {
  command.add_option("-c,--config", args.config, "The run's YAML file");
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
  command.add_option("--device", args.device,
                     "auto, cpu, cuda or cuda:<index>; else train.device");
  command.add_flag("--print-config", args.print_config,
                   "Print the config with all defaults and end");
}

/// As they were typed: a bare --resume too.
void finish_arguments(const CLI::App& app, const CLI::App& command,
                      TrainArguments& args) {
  args.program = app.get_name();
  args.command = command.get_name();
  if (command.count("--resume") > 0 && args.resume.empty()) args.resume = {""};
}

}  // namespace

void add_train(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<TrainArguments>();
  CLI::App* command = app.add_subcommand("train", "Train a network");
  add_options(*command, *args);
  command->footer(
      "Examples:\n"
      "  skipzoo train -c configs/digits/resnet20.yaml\n"
      "  skipzoo train -c configs/digits/resnet20.yaml --set train.epochs=5\n"
      "  skipzoo train -c configs/digits/resnet20.yaml --resume");
  command->callback([args, command, &app, &exit_code] {
    finish_arguments(app, *command, *args);
    exit_code = train(*args);
  });
}

void add_fine_tune(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<TrainArguments>();
  auto weights = std::make_shared<std::filesystem::path>();
  auto freeze = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand(
      kFineTune, "Train a network from the weights of another");
  add_options(*command, *args);
  command->add_option("--weights", *weights,
                      "A .pth, .safetensors, .skz or run folder; else "
                      "fine_tune.weights");
  command
      ->add_option("--freeze", *freeze,
                   "What stands still: a name or pattern; may be repeated")
      ->allow_extra_args(false);
  command->footer(
      "Examples:\n"
      "  skipzoo fine-tune -c photos.yaml --weights resnet50.pth\n"
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
    if (!freeze->empty()) {
      overrides.push_back("fine_tune.freeze=" + to_text(*freeze));
    }
    exit_code = train(*args);
  });
}

}  // namespace skipzoo
