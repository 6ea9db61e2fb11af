#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/cli/benchmark_step.h"
#include "tools/cli/commands.h"
#include "tools/device.h"
#include "tools/distribute/scaling.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

struct PlanArguments {
  std::string config;
  std::vector<std::string> overrides;
  std::string device;
  int64_t ranks = 8;
  double gigabits = 10;
  double microseconds = 50;
  double step_ms = 0;
  bool json = false;
};

/// The median of a few steps of one process here.
double measured_seconds(const RunConfig& config, torch::Device device) {
  using std::chrono::steady_clock;
  const auto step = make_step(
      config,
      {.train = true, .amp = config.train.amp, .batch = config.data.batch_size},
      device);
  for (int i = 0; i < 2; ++i) step.run();
  std::vector<double> seconds;
  for (int i = 0; i < 5; ++i) {
    const auto start = steady_clock::now();
    step.run();
    seconds.push_back(
        std::chrono::duration<double>(steady_clock::now() - start).count());
  }
  std::ranges::sort(seconds);
  return seconds[seconds.size() / 2];
}

/// Of a convolutional network the backward pass computes two products where the
/// forward pass computes one.
StepAlone step_alone(const RunConfig& config, double seconds) {
  constexpr double kFirst = 1 << 20, kCap = 25 << 20;  // c10d's own.
  StepAlone alone{.forward_s = seconds / 3, .backward_s = seconds * 2 / 3};
  std::vector<double> bytes;
  for (const auto& parameter : make_model(config.model)->parameters()) {
    bytes.push_back(static_cast<double>(parameter.nbytes()));
  }
  alone.buckets = buckets_of(bytes, kFirst, kCap);
  return alone;
}

std::vector<int64_t> ranks_up_to(int64_t most) {
  std::vector<int64_t> all;
  for (int64_t ranks = 1; ranks < most; ranks *= 2) all.push_back(ranks);
  all.push_back(most);
  return all;
}

void print(const PlanArguments& args, const StepAlone& alone, int64_t batch,
           const std::vector<ScaledStep>& steps) {
  double bytes = 0;
  for (const double one : alone.buckets) bytes += one;
  std::cout << std::fixed << std::setprecision(1)
            << "gradients: " << bytes / (1 << 20) << " MiB in "
            << alone.buckets.size() << " buckets; " << args.gigabits
            << " Gbit/s, " << args.microseconds << " us a message\n"
            << std::setw(6) << "ranks" << std::setw(12) << "step ms"
            << std::setw(14) << "reduction ms" << std::setw(12) << "exposed ms"
            << std::setw(13) << "images/s" << std::setw(12) << "efficiency"
            << '\n';
  for (const auto& step : steps) {
    const auto images = static_cast<double>(step.ranks * batch);
    std::cout << std::setw(6) << step.ranks << std::setprecision(2)
              << std::setw(12) << 1e3 * step.seconds << std::setw(14)
              << 1e3 * step.reduction << std::setw(12) << 1e3 * step.exposed
              << std::setprecision(1) << std::setw(13) << images / step.seconds
              << std::setw(10) << 100 * step.efficiency << " %\n";
  }
}

void print_json(int64_t batch, const std::vector<ScaledStep>& steps) {
  for (const auto& step : steps) {
    std::cout << nlohmann::ordered_json{{"ranks", step.ranks},
                                        {"step_s", step.seconds},
                                        {"reduction_s", step.reduction},
                                        {"exposed_s", step.exposed},
                                        {"images_per_s",
                                         static_cast<double>(step.ranks *
                                                             batch) /
                                             step.seconds},
                                        {"efficiency", step.efficiency}}
              << '\n';
  }
}

void plan(const PlanArguments& args) {
  if (args.config.empty()) {
    throw ConfigError("plan: give a config by -c FILE");
  }
  auto [config, warnings] = load_config(args.config, args.overrides);
  for (const auto& warning : warnings) spdlog::warn(warning);
  if (!args.device.empty()) config.train.device = args.device;
  set_threads(config.train.threads);
  double seconds = args.step_ms / 1e3;
  if (seconds == 0) {
    seconds = measured_seconds(config, resolve_device(config.train.device));
    spdlog::info("a step of one process here: {:.4g} ms, batch {}",
                 1e3 * seconds, config.data.batch_size);
  }
  const auto alone = step_alone(config, seconds);
  const Link link{.bytes_per_s = args.gigabits * 1e9 / 8,
                  .latency_s = args.microseconds * 1e-6};
  std::vector<ScaledStep> steps;
  for (const int64_t ranks : ranks_up_to(args.ranks)) {
    steps.push_back(scaled(alone, ranks, link));
  }
  if (args.json) return print_json(config.data.batch_size, steps);
  print(args, alone, config.data.batch_size, steps);
}

}  // namespace

void add_plan(CLI::App& app) {
  auto args = std::make_shared<PlanArguments>();
  CLI::App* command = app.add_subcommand(
      "plan", "How fast several processes would train, by their network");
  command->add_option("-c,--config", args->config, "The run's YAML file");
  command->add_option("--set", args->overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  command->add_option("--device", args->device,
                      "auto, cpu, cuda or cuda:<index>; else train.device");
  constexpr int64_t kMostRanks = 1 << 20;
  command->add_option("--ranks", args->ranks, "Processes, up to so many")
      ->check(CLI::Range(int64_t{1}, kMostRanks))
      ->capture_default_str();
  command->add_option("--bandwidth", args->gigabits, "Of each process, Gbit/s")
      ->check(CLI::Range(1e-6, 1e6))
      ->capture_default_str();
  command
      ->add_option("--latency", args->microseconds,
                   "Of a message, microseconds")
      ->check(CLI::Range(0., 1e9))
      ->capture_default_str();
  command
      ->add_option("--step-ms", args->step_ms,
                   "Of one process; else measured here")
      ->check(CLI::Range(0., 1e9));
  command->add_flag("--json", args->json, "One line of JSON a row");
  command->footer(
      "Example:\n  skipzoo plan -c configs/imagenet/resnet50.yaml --ranks 1024 "
      "--bandwidth 100 --latency 5 --step-ms 120");
  command->callback([args] { plan(*args); });
}

}  // namespace skipzoo
