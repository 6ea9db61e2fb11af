#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "models/classifier.h"
#include "models/engine.h"
#include "models/kernels/processor.h"
#include "models/make_model.h"
#include "tools/cli/commands.h"
#include "tools/cli/differences.h"
#include "tools/cli/layer_profile.h"
#include "tools/cli/run.h"
#include "tools/config/memory_check.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/train/evaluate.h"
#include "tools/train/operator_times.h"
#include "tools/train/step.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr double kLongest = 86'400;  ///< A day.

struct Arguments {
  std::string config;
  std::vector<std::string> overrides;
  std::string device;
  bool train = false;
  Amp amp = Amp::kOff;
  int64_t batch = 0;  ///< 0: the config's.
  int64_t threads = 0;
  double seconds = 5;
  bool profile = false;
  bool json = false;
};

struct Measured {
  std::vector<double> seconds;  ///< Of each step, sorted.
  double setup = 0;             ///< The first step and what came before it.
  std::vector<std::pair<std::string, double>> kinds;
  int64_t peak_rss_mb = 0;
  std::optional<LayerProfile> layers;
  Differences differences;

  double median() const { return seconds[seconds.size() / 2]; }
};

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What train or evaluate do with one batch of synthetic pictures.
std::function<void()> make_step(const Arguments& args, const RunConfig& config,
                                torch::Device device) {
  torch::manual_seed(0);
  struct Parts {
    std::shared_ptr<Classifier> model;
    TrainOptions options;
    std::optional<Optimizer> optimizer;
    Forward forward;
    torch::Tensor images;
    Targets targets;
  };
  auto parts = std::make_shared<Parts>();
  parts->options = config.train;
  parts->options.amp = args.amp;
  parts->model = make_model(config.model);
  move_to(*parts->model, device, config.train.channels_last);
  auto shape = input_shape(config);
  shape.insert(shape.begin(), args.batch);
  const auto layout = config.train.channels_last
                          ? at::MemoryFormat::ChannelsLast
                          : at::MemoryFormat::Contiguous;
  parts->images = torch::randn(shape, device).contiguous(layout);
  parts->targets = {torch::randint(num_classes(config.model), {args.batch},
                                   torch::device(device).dtype(torch::kLong))};
  if (args.train) {
    parts->model->train();
    parts->optimizer.emplace(config.train.optimizer, *parts->model);
    return [parts] {
      TrainingStep step(*parts->model, *parts->optimizer, parts->options);
      step(parts->images, parts->targets).loss.item<float>();
    };
  }
  parts->forward = forward_of(*parts->model, args.amp);
  return [parts, device] {
    const auto logits = parts->forward(parts->images);
    if (!device.is_cpu()) logits.sum().item<float>();  // Waits for it.
  };
}

/// Of an engine as evaluate and predict have it.
LayerProfile layers_of(const Arguments& args, const RunConfig& config) {
  torch::manual_seed(0);
  const auto model = make_model(config.model);
  move_to(*model, torch::kCPU, config.train.channels_last);
  auto shape = input_shape(config);
  shape.insert(shape.begin(), args.batch);
  Engine engine(*model, model->kernels(), type_of(args.amp));
  return profile_layers(engine, torch::randn(shape), args.seconds);
}

/// Three steps to warm up, then at least five, for at least so long.
Measured measure(const Arguments& args, const RunConfig& config,
                 torch::Device device) {
  Measured measured;
  auto start = Clock::now();
  const auto step = make_step(args, config, device);
  step();
  measured.setup = since(start);
  for (int i = 0; i < 3; ++i) step();
  std::optional<OperatorTimes> times;
  if (args.profile) times.emplace();
  start = Clock::now();
  while (measured.seconds.size() < 5 || since(start) < args.seconds) {
    const auto before = Clock::now();
    step();
    measured.seconds.push_back(since(before));
  }
  if (times) measured.kinds = times->by_kind();
  std::sort(measured.seconds.begin(), measured.seconds.end());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  measured.peak_rss_mb = usage.ru_maxrss / 1024;
  times.reset();
  if (args.profile && !args.train && device.is_cpu()) {
    measured.layers = layers_of(args, config);
  }
  measured.differences = differences(
      config, {.train = args.train, .amp = args.amp, .batch = args.batch},
      device);
  return measured;
}

double rounded(double value, int digits) {
  const double scale = std::pow(10, digits);
  return std::round(value * scale) / scale;
}

ordered_json layers_json(const LayerProfile& profile) {
  ordered_json json = {{"run_ms", profile.run * 1e3},
                       {"kernels_ms", profile.kernels * 1e3},
                       {"machine_gflops", profile.machine_flops / 1e9},
                       {"machine_gbytes_per_s", profile.machine_bytes / 1e9},
                       {"layers", ordered_json::array()}};
  for (const auto& layer : profile.layers) {
    json["layers"].push_back({{"layer", layer.name},
                              {"ms", layer.median() * 1e3},
                              {"flops", layer.flops},
                              {"bytes", layer.bytes}});
  }
  return json;
}

ordered_json report(const Arguments& args, const Measured& measured) {
  ordered_json json = {
      {"peer", "skipzoo"},
      {"model", std::filesystem::path(args.config).stem().string()},
      {"mode", args.train ? "train" : "infer"},
      {"dtype", args.amp == Amp::kBf16 ? "bf16" : "fp32"},
      {"batch", args.batch},
      {"isa", name_of(isa())},
      {"images_per_s",
       rounded(static_cast<double>(args.batch) / measured.median(), 2)},
      {"ms_median", rounded(measured.median() * 1e3, 2)},
      {"ms_min", rounded(measured.seconds.front() * 1e3, 2)},
      {"setup_s", rounded(measured.setup, 1)},
      {"peak_rss_mb", measured.peak_rss_mb},
      {"difference", measured.differences.from_reference}};
  if (measured.differences.of_rounding) {
    json["difference_of_rounding"] = *measured.differences.of_rounding;
  }
  if (!args.profile) return json;
  double sum = 0;
  for (const auto& kind : measured.kinds) sum += kind.second;
  for (const auto& [kind, seconds] : measured.kinds) {
    json["profile"][kind] = rounded(seconds / sum, 4);
  }
  if (measured.layers) json["by_layer"] = layers_json(*measured.layers);
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

void run(const Arguments& given) {
  Arguments args = given;
  if (std::isnan(args.seconds)) {
    throw ConfigError("--seconds: expected a number, got nan");
  }
  if (args.batch > 0) {
    args.overrides.push_back("data.batch_size=" + std::to_string(args.batch));
  }
  auto [config, warnings] = load_config(args.config, args.overrides);
  for (const auto& warning : warnings) spdlog::warn(warning);
  set_threads(args.threads > 0 ? args.threads : config.train.threads);
  const auto device =
      resolve_device(args.device.empty() ? config.train.device : args.device);
  args.batch = config.data.batch_size;
  check(args, config, device);
  const auto measured = measure(args, config, device);
  const auto json = report(args, measured);
  if (args.json) {
    std::cout << json.dump(-1, ' ', false,
                           ordered_json::error_handler_t::replace)
              << '\n';
    return;
  }
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

}  // namespace

void add_benchmark(CLI::App& app) {
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "benchmark", "Images a second of a config's network, on synthetic ones");
  command->add_option("-c,--config", args->config, "The network's YAML file")
      ->required();
  command->add_option("--set", args->overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  add_choice<bool>(*command, "--mode", args->train,
                   "train: whole steps; infer: as evaluate and predict do",
                   {{"train", true}, {"infer", false}})
      ->required();
  add_choice<Amp>(*command, "--dtype", args->amp, "fp32, or bf16 by autocast",
                  {{"fp32", Amp::kOff}, {"bf16", Amp::kBf16}});
  command
      ->add_option("--batch", args->batch, "Images a step; else the config's")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  command
      ->add_option("--threads", args->threads, "Of the CPU; else the config's")
      ->check(CLI::Range(int64_t{1}, kMostThreads));
  command->add_option("--seconds", args->seconds, "To measure for, at least")
      ->check(CLI::Range(1e-6, kLongest))
      ->capture_default_str();
  command->add_option("--device", args->device,
                      "auto, cpu, cuda or cuda:<index>; else train.device");
  command->add_flag("--profile", args->profile,
                    "Share of the time by kind of operator; of inference on "
                    "the CPU, each layer's beside what the machine can do");
  command->add_flag("--json", args->json, "Print one JSON object");
  command->footer(
      "Example:\n  skipzoo benchmark -c configs/cifar10/resnet20.yaml --mode "
      "train --profile");
  command->callback([args] { run(*args); });
}

}  // namespace skipzoo
