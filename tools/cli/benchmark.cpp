#include <spdlog/spdlog.h>

#include <cmath>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "models/kernels/simd/processor.h"
#include "models/make_model.h"
#include "tools/cli/benchmark_measure.h"
#include "tools/cli/commands.h"
#include "tools/cli/data_benchmark.h"
#include "tools/cli/layer_profile.h"
#include "tools/cli/processes.h"
#include "tools/cli/run.h"
#include "tools/config/memory_check.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/train/evaluate.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

constexpr double kLongest = 86'400;  ///< A day.

enum class Mode { kInfer, kTrain, kData };

struct Arguments {
  std::string config;
  std::vector<std::string> overrides;
  std::string device;
  Mode mode = Mode::kInfer;
  bool train = false;
  Amp amp = Amp::kOff;
  int64_t batch = 0;  ///< 0: the config's.
  int64_t threads = 0;
  std::vector<int64_t> workers;  ///< None: the config's.
  double seconds = 5;
  bool profile = false;
  bool json = false;
  int64_t nproc = 1;
};

double rounded(double value, int digits) {
  const double scale = std::pow(10, digits);
  return std::round(value * scale) / scale;
}

std::string model_name(const Arguments& args) {
  return std::filesystem::path(args.config).stem().string();
}

/// What several processes add to a report.
void report_processes(const Measured& measured, int64_t processes,
                      ordered_json& json) {
  json["processes"] = processes;
  if (measured.reduction) {
    json["reduction_ms"] = rounded(measured.reduction->all * 1e3, 3);
    json["exposed_ms"] = rounded(measured.reduction->exposed * 1e3, 3);
  }
  constexpr double kBits = 8e-9, kMicroseconds = 1e6;
  json["link_gbit_s"] = rounded(measured.link->bytes_per_s * kBits, 3);
  json["latency_us"] = rounded(measured.link->latency_s * kMicroseconds, 1);
}

ordered_json report(const Arguments& args, const Measured& measured,
                    int64_t processes) {
  ordered_json json = {
      {"peer", "skipzoo"},
      {"model", model_name(args)},
      {"mode", args.train ? "train" : "infer"},
      {"dtype", args.amp == Amp::kBf16 ? "bf16" : "fp32"},
      {"batch", args.batch},
      {"isa", name_of(isa())},
      {"images_per_s",
       rounded(static_cast<double>(args.batch * processes) / measured.median(),
               2)},
      {"ms_median", rounded(measured.median() * 1e3, 2)},
      {"ms_min", rounded(measured.seconds.front() * 1e3, 2)},
      {"setup_s", rounded(measured.setup, 1)},
      {"peak_rss_mb", measured.peak_rss_mb},
      {"difference", measured.differences.from_reference}};
  if (measured.differences.of_rounding) {
    json["difference_of_rounding"] = *measured.differences.of_rounding;
  }
  if (processes > 1) report_processes(measured, processes, json);
  if (!args.profile) return json;
  double sum = 0;
  for (const auto& kind : measured.kinds) sum += kind.second;
  for (const auto& [kind, seconds] : measured.kinds) {
    json["profile"][kind] = rounded(seconds / sum, 4);
  }
  if (measured.layers) {
    json["by_layer"] =
        nlohmann::ordered_json::parse(layers_json(*measured.layers));
  }
  return json;
}

/// Before anything is measured, so that it leaves no trace there.
void check(const Arguments& args, const RunConfig& config,
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
void check_options(const Arguments& args) {
  if (std::isnan(args.seconds)) {
    throw ConfigError("--seconds: expected a number, got nan");
  }
  const bool data = args.mode == Mode::kData;
  if (data && args.profile) {
    throw ConfigError("--profile: is of a network, and --mode data runs none");
  }
  if (data && args.amp != Amp::kOff) {
    throw ConfigError("--dtype: is of a network, and --mode data runs none");
  }
  if (!data && !args.workers.empty()) {
    throw ConfigError("--workers: is for --mode data, which reads pictures");
  }
}

[[noreturn]] void refuse_processes() {
  throw ConfigError("--mode data: is of one process; drop --nproc");
}

void print_text(const Arguments& args, const ordered_json& json,
                const Measured& measured, torch::Device device) {
  std::cout << json["model"].get<std::string>() << ", "
            << json["mode"].get<std::string>() << ", "
            << json["dtype"].get<std::string>() << ", batch " << args.batch
            << ", " << describe_device(device)
            << (device.is_cpu() ? ", " + std::string(name_of(isa())) : "")
            << ": " << json["images_per_s"] << " images/s (median step "
            << json["ms_median"] << " ms, least " << json["ms_min"]
            << " ms), at most " << json["peak_rss_mb"]
            << " MB of memory; largest difference from the reference "
            << json["difference"];
  if (args.amp != Amp::kOff) {
    std::cout << " (bf16 alone makes " << json["difference_of_rounding"] << ')';
  }
  std::cout << '\n';
  if (json.contains("processes")) {
    std::cout << json["processes"] << " processes";
    if (measured.reduction) {
      std::cout << ": their gradients are summed in " << json["reduction_ms"]
                << " ms, of which " << json["exposed_ms"]
                << " ms are behind the backward pass";
    }
    std::cout << "; a message between them takes " << json["latency_us"]
              << " us and " << json["link_gbit_s"] << " Gbit/s\n";
  }
  if (!args.profile) return;
  for (const auto& [kind, share] : json["profile"].items()) {
    std::cout << std::left << std::setw(14) << kind << std::right
              << std::setw(7) << std::fixed << std::setprecision(1)
              << 100 * share.get<double>() << " %\n";
  }
  if (measured.layers && !measured.layers->layers.empty()) {
    print_layers(*measured.layers);
  }
}

void run_with(Arguments args, const Fellows& fellows) {
  args.train = args.mode == Mode::kTrain;
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
  args.batch = config.data.batch_size;
  if (args.mode == Mode::kData) {
    if (fellows.collective->size() > 1) refuse_processes();
    benchmark_data(config, {.name = model_name(args),
                            .device = device,
                            .workers = args.workers,
                            .seconds = args.seconds,
                            .json = args.json});
    return;
  }
  check(args, config, device);
  const auto measured = measure(
      {.step = {.train = args.train, .amp = args.amp, .batch = args.batch},
       .seconds = args.seconds,
       .profile = args.profile},
      config, device, fellows.collective);
  if (!fellows.is_first()) return;
  const auto json = report(args, measured, fellows.collective->size());
  if (args.json) {
    std::cout << json.dump(-1, ' ', false,
                           ordered_json::error_handler_t::replace)
              << '\n';
    return;
  }
  print_text(args, json, measured, device);
}

int run(Arguments args) {
  if (args.mode == Mode::kData && args.nproc > 1) refuse_processes();
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
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "benchmark",
      "Images a second of a config's network, on synthetic ones, or of its "
      "data");
  command->add_option("-c,--config", args->config, "The network's YAML file")
      ->required();
  command->add_option("--set", args->overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  add_choice<Mode>(
      *command, "--mode", args->mode,
      "train: whole steps; infer: as evaluate and predict do; "
      "data: the config's pictures as training gets them, without "
      "a network",
      {{"train", Mode::kTrain}, {"infer", Mode::kInfer}, {"data", Mode::kData}})
      ->required();
  add_choice<Amp>(*command, "--dtype", args->amp, "fp32, or bf16 by autocast",
                  {{"fp32", Amp::kOff}, {"bf16", Amp::kBf16}});
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
  command->add_option("--seconds", args->seconds, "To measure for, at least")
      ->check(CLI::Range(1e-6, kLongest))
      ->capture_default_str();
  command->add_option("--device", args->device,
                      "auto, cpu, cuda or cuda:<index>; else train.device");
  command->add_flag("--profile", args->profile,
                    "Share of the time by kind of operator; of inference on "
                    "the CPU, each layer's beside what the machine can do");
  command->add_flag("--json", args->json, "Print one JSON object");
  add_nproc_option(*command, args->nproc);
  command->footer(
      "Example:\n  skipzoo benchmark -c configs/cifar10/resnet20.yaml --mode "
      "train --profile\n"
      "  skipzoo benchmark -c configs/imagenet/resnet50.yaml --mode data "
      "--workers 0 1 2\n"
      "  skipzoo benchmark -c configs/imagenet/resnet50.yaml --mode train "
      "--nproc 2");
  command->callback([args, &exit_code] { exit_code = run(*args); });
}

}  // namespace skipzoo
