#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "tools/cli/benchmark_step.h"
#include "tools/cli/commands.h"
#include "tools/device.h"
#include "tools/distribute/scaling.h"
#include "tools/error.h"
#include "tools/train/collective.h"
#include "tools/train/precision.h"

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

using Clock = std::chrono::steady_clock;

double between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

/// When the parts of a step were.
struct Moments {
  Clock::time_point forward = {}, backward = {};
  std::vector<std::pair<double, Clock::time_point>> gradients = {};  ///< Bytes.
};

/// Takes the place of c10d's, to see when it would be given what.
class SeenReduction : public GradientReduction {
 public:
  SeenReduction(const std::vector<torch::Tensor>& parameters, Moments& moments)
      : moments_(moments) {
    for (const auto& parameter : parameters) {
      const auto bytes = static_cast<double>(parameter.nbytes());
      parameter.register_hook([&moments, bytes](const torch::Tensor&) {
        moments.gradients.emplace_back(bytes, Clock::now());
      });
    }
  }
  void before_forward() override {
    moments_ = {};
    moments_.forward = Clock::now();
  }
  void before_backward(const torch::Tensor&) override {
    moments_.backward = Clock::now();
  }

 private:
  Moments& moments_;
};

/// Two processes, of which this one works and nothing is said.
class SeenCollective : public Collective {
 public:
  explicit SeenCollective(Moments& moments) : moments_(moments) {}
  int64_t rank() const override { return 0; }
  int64_t size() const override { return 2; }
  void sum(torch::Tensor&) override {}
  void broadcast(torch::Tensor&) override {}
  bool any(bool mine) override { return mine; }
  std::unique_ptr<GradientReduction> reduction(
      std::vector<torch::Tensor> parameters) override {
    return std::make_unique<SeenReduction>(parameters, moments_);
  }

 private:
  Moments& moments_;
};

StepAlone alone_of(const Moments& moments, Clock::time_point end) {
  constexpr double kFirst = 1 << 20, kCap = 25 << 20;  // c10d's own.
  std::vector<Gradient> gradients;
  for (const auto& [bytes, there] : moments.gradients) {
    gradients.push_back({bytes, between(moments.backward, there)});
  }
  const auto last = moments.gradients.back().second;
  return {.forward_s = between(moments.forward, moments.backward),
          .backward_s = between(moments.backward, last),
          .update_s = between(last, end),
          .buckets = buckets_of(gradients, kFirst, kCap)};
}

/// The median of a few steps of one process here.
StepAlone measured_step(const RunConfig& config, int64_t batch,
                        torch::Device device) {
  Moments moments;
  const auto step = make_step(
      config, {.train = true, .amp = config.train.amp, .batch = batch}, device,
      std::make_shared<SeenCollective>(moments));
  constexpr int kWarmUp = 2, kSteps = 5;
  std::vector<StepAlone> steps;
  for (int i = 0; i < kWarmUp + kSteps; ++i) {
    step.run();
    if (i >= kWarmUp) steps.push_back(alone_of(moments, Clock::now()));
  }
  std::ranges::sort(steps, {}, &StepAlone::seconds);
  return steps[kSteps / 2];
}

/// The same of another machine, on which it takes so long.
StepAlone as_long_as(StepAlone alone, double seconds) {
  const double times = seconds / alone.seconds();
  for (double* part : {&alone.forward_s, &alone.backward_s, &alone.update_s}) {
    *part *= times;
  }
  for (auto& bucket : alone.buckets) bucket.there_s *= times;
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
  for (const auto& bucket : alone.buckets) bytes += bucket.bytes;
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
  const auto device = resolve_device(config.train.device);
  set_cuda_arithmetic(config.train, device);
  // The parts of a step are to each other as in a small batch.
  constexpr int64_t kFew = 4;
  const int64_t batch = config.data.batch_size;
  auto alone = measured_step(
      config, args.step_ms > 0 ? std::min(batch, kFew) : batch, device);
  if (args.step_ms > 0) alone = as_long_as(alone, args.step_ms / 1e3);
  spdlog::info(
      "a step of one process: {:.4g} ms, batch {}, of which the backward pass "
      "takes {:.4g}",
      1e3 * alone.seconds(), batch, 1e3 * alone.backward_s);
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
                   "Of one process, with the config's batch; else measured "
                   "here")
      ->check(CLI::Range(0., 1e9));
  command->add_flag("--json", args->json, "One line of JSON a row");
  command->footer(
      "Example:\n  skipzoo plan -c configs/imagenet/resnet50.yaml --ranks 1024 "
      "--bandwidth 100 --latency 5 --step-ms 120");
  command->callback([args] { plan(*args); });
}

}  // namespace skipzoo
