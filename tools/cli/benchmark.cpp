#include <spdlog/spdlog.h>

#include <cmath>

#include "models/make_model.h"
#include "tools/cli/benchmark_report.h"
#include "tools/cli/commands.h"
#include "tools/cli/data_benchmark.h"
#include "tools/cli/processes.h"
#include "tools/cli/run.h"
#include "tools/config/memory_check.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/train/evaluate.h"
#include "tools/train/precision.h"

namespace skipzoo {

namespace {

constexpr double kLongest = 86'400;  ///< A day.

/// Before anything is measured, so that it leaves no trace there.
void check(const BenchmarkArguments& args, const RunConfig& config,
           torch::Device device) {
  const auto model = make_uninitialised(config.model);
  const auto shape = input_shape(config);
  if (device.is_cpu()) {
    check_memory(*model, config, shape,
                 args.train ? Work::kTrain : Work::kForward);
  }
  check_passes(*model, shape);
}

/// Those that say nothing in this mode are refused.
void check_options(const BenchmarkArguments& args) {
  if (std::isnan(args.seconds)) {
    throw ConfigError("--seconds: expected a number, got nan");
  }
  const bool data = args.mode == BenchmarkMode::kData;
  if (data && args.profile) {
    throw ConfigError("--profile: is of a network, and --mode data runs none");
  }
  if (data && args.explain) {
    throw ConfigError("--explain: is of a network, and --mode data runs none");
  }
  if (data && args.amp != Amp::kOff) {
    throw ConfigError("--dtype: is of a network, and --mode data runs none");
  }
  if (!data && !args.workers.empty()) {
    throw ConfigError("--workers: is for --mode data, which reads pictures");
  }
}

[[noreturn]] void refuse_processes(const BenchmarkArguments& args) {
  throw ConfigError(std::string(args.explain ? "--explain" : "--mode data") +
                    ": is of one process; drop --nproc");
}

void run_with(BenchmarkArguments args, const Fellows& fellows) {
  args.train = args.mode == BenchmarkMode::kTrain;
  check_options(args);
  if (args.batch > 0) {
    args.overrides.push_back("data.batch_size=" + std::to_string(args.batch));
  }
  auto [config, warnings] = load_config(args.config, args.overrides);
  for (const auto& warning : warnings) spdlog::warn(warning);
  if (args.train && config.train.distill.enabled()) {
    spdlog::warn("train.distill: what the teacher costs is not measured here");
  }
  set_threads(args.threads > 0 ? args.threads : config.train.threads);
  const auto device =
      resolve_device(args.device.empty() ? config.train.device : args.device);
  check_dtype(args.amp, device);
  set_cuda_arithmetic(config.train, device);
  // Of a step that is launched as a whole no operator is seen.
  if (args.profile) config.train.cuda_graph = CudaGraphs::kOff;
  args.batch = config.data.batch_size;
  if (args.mode == BenchmarkMode::kData) {
    if (fellows.collective->size() > 1) refuse_processes(args);
    benchmark_data(config, {.name = model_name(args),
                            .device = device,
                            .workers = args.workers,
                            .seconds = args.seconds,
                            .json = args.json});
    return;
  }
  check(args, config, device);
  if (args.explain) {
    if (fellows.collective->size() > 1) refuse_processes(args);
    print_explanation(args, config, device);
    return;
  }
  const auto measured = measure(
      {.step = {.train = args.train, .amp = args.amp, .batch = args.batch},
       .seconds = args.seconds,
       .profile = args.profile},
      config, device, fellows.collective);
  if (!fellows.is_first()) return;
  print_measured(args, measured, fellows.collective->size(), device);
}

int run(BenchmarkArguments args) {
  if ((args.mode == BenchmarkMode::kData || args.explain) && args.nproc > 1) {
    refuse_processes(args);
  }
  if (starts_processes(args.nproc)) {
    return start_processes_of_command(args.nproc);
  }
  let_first_speak();
  return with_fellows(args.device, TrainOptions().timeout_s,
                      [&](const Fellows& fellows) {
                        run_with(args, fellows);
                        return 0;
                      });
}

}  // namespace

void add_benchmark(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<BenchmarkArguments>();
  CLI::App* command = app.add_subcommand(
      "benchmark",
      "Images a second of a config's network, on synthetic ones, or of its "
      "data");
  command->add_option("-c,--config", args->config, "The network's YAML file")
      ->required();
  command->add_option("--set", args->overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  add_choice<BenchmarkMode>(
      *command, "--mode", args->mode,
      "train: whole steps; infer: as evaluate and predict do; "
      "data: the config's pictures as training gets them, without "
      "a network",
      {{"train", BenchmarkMode::kTrain},
       {"infer", BenchmarkMode::kInfer},
       {"data", BenchmarkMode::kData}})
      ->required();
  add_choice<Amp>(
      *command, "--dtype", args->amp, "fp32, bf16 by autocast, or on CUDA fp16",
      {{"fp32", Amp::kOff}, {"bf16", Amp::kBf16}, {"fp16", Amp::kFp16}});
  command
      ->add_option("--batch", args->batch, "Images a step; else the config's")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  command
      ->add_option("--threads", args->threads, "Of the CPU; else the config's")
      ->check(CLI::Range(int64_t{1}, kMostThreads));
  command
      ->add_option("--workers", args->workers,
                   "Of the data, each number in turn; else the config's")
      ->check(CLI::Range(int64_t{0}, int64_t{256}))
      ->type_name("N...");
  auto* seconds =
      command
          ->add_option("--seconds", args->seconds, "To measure for, at least")
          ->check(CLI::Range(1e-6, kLongest))
          ->capture_default_str();
  command->add_option("--device", args->device,
                      "auto, cpu, cuda or cuda:<index>; else train.device");
  auto* profile = command->add_flag(
      "--profile", args->profile,
      "Share of the time by kind of operator; of inference on the CPU, each "
      "layer's beside what the machine can do; on a GPU, by kernel");
  command
      ->add_flag("--explain", args->explain,
                 "Measure nothing: which algorithm each layer takes on this "
                 "CPU, and why")
      ->excludes(seconds)
      ->excludes(profile);
  command->add_flag("--json", args->json, "Print one JSON object");
  add_nproc_option(*command, args->nproc);
  command->footer(
      "Example:\n  skipzoo benchmark -c configs/cifar10/resnet20.yaml --mode "
      "train --profile\n"
      "  skipzoo benchmark -c configs/cifar10/resnet20.yaml --mode train "
      "--explain\n"
      "  skipzoo benchmark -c configs/imagenet/resnet50.yaml --mode data "
      "--workers 0 1 2\n"
      "  skipzoo benchmark -c configs/imagenet/resnet50.yaml --mode train "
      "--nproc 2");
  command->callback([args, &exit_code] { exit_code = run(*args); });
}

}  // namespace skipzoo
