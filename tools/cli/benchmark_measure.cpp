#include "tools/cli/benchmark_measure.h"

#include <sys/resource.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>

#include "models/classifier.h"
#include "models/engine.h"
#include "models/make_model.h"
#include "models/summary.h"
#include "tools/cli/benchmark_step.h"
#include "tools/cli/benchmark_windows.h"
#include "tools/train/evaluate.h"
#include "tools/train/operator_bytes.h"
#include "tools/train/operator_times.h"

namespace skipzoo {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Of an engine as evaluate and predict have it.
LayerProfile layers_of(const BenchmarkRequest& request,
                       const RunConfig& config) {
  torch::manual_seed(0);
  const auto model = make_model(config.model);
  move_to(*model, torch::kCPU, config.train.channels_last);
  auto shape = input_shape(config);
  shape.insert(shape.begin(), request.step.batch);
  Engine engine(*model, model->kernels(), type_of(request.step.amp));
  return profile_layers(engine, torch::randn(shape), request.seconds);
}

/// The median of an all-reduce of so many bytes.
double seconds_of_sum(Collective& collective, int64_t bytes,
                      torch::Device device) {
  constexpr int kTimes = 11;
  auto numbers = torch::zeros({bytes / 4}, device);
  std::vector<double> seconds;
  for (int i = 0; i < kTimes; ++i) {
    const auto start = Clock::now();
    collective.sum(numbers);
    if (!device.is_cpu()) numbers[0].item<float>();  // Waits for it.
    seconds.push_back(since(start));
  }
  return median_of(seconds);
}

/// By the ring that scaling.h has: a number, and as much as a bucket.
Link measured_link(Collective& collective, torch::Device device) {
  constexpr int64_t kNumber = 4, kBucket = 25 << 20;
  const auto n = static_cast<double>(collective.size());
  const double messages = 2 * (n - 1);
  const double latency = seconds_of_sum(collective, kNumber, device) / messages;
  const double much = seconds_of_sum(collective, kBucket, device) / messages;
  return {.bytes_per_s =
              static_cast<double>(kBucket) / n / std::max(much - latency, 1e-9),
          .latency_s = latency};
}

/// What sums of gradients took, of each step.
struct Reductions {
  std::vector<double> all, exposed;
  void add(const std::optional<ReductionTimes>& times) {
    if (!times) return;
    all.push_back(times->all);
    exposed.push_back(times->exposed);
  }
  std::optional<ReductionTimes> medians() const {
    if (all.empty()) return std::nullopt;
    return ReductionTimes{median_of(all), median_of(exposed)};
  }
};

/// One after the other, each until it is done.
void measure_steps(const BenchmarkRequest& request, const BenchmarkStep& step,
                   Collective& collective, Measured& measured) {
  const auto started = Clock::now();
  for (int i = 0; i < 3; ++i) {
    step.run();
    if (!collective.any(since(started) < request.seconds)) break;
  }
  std::optional<OperatorTimes> times;
  if (request.profile) times.emplace();
  Reductions reductions;
  const auto start = Clock::now();
  // All or none go on.
  const auto goes_on = [&] {
    return collective.any(measured.seconds.size() < 3 ||
                          since(start) < request.seconds);
  };
  while (goes_on()) {
    const auto before = Clock::now();
    step.run();
    measured.seconds.push_back(since(before));
    reductions.add(step.reduction());
  }
  if (times) measured.kinds = times->by_kind();
  measured.reduction = reductions.medians();
}

/// Multiplications and additions of convolutions and linear layers; a backward
/// pass takes twice those of a forward pass.
double flops_of(const BenchmarkRequest& request, const RunConfig& config) {
  const auto model = make_uninitialised(config.model);
  const auto macs = summarise(*model, input_shape(config)).macs;
  return 2.0 * static_cast<double>(macs * request.step.batch) *
         (request.step.train ? 3 : 1);
}

KernelTimes kernels_of_step(const BenchmarkStep& step, torch::Device device) {
  constexpr int kSteps = 10;
  auto times = kernel_times(
      [&] {
        for (int i = 0; i < kSteps; ++i) step.launch();
        wait_for(device);
      },
      device.type());
  for (auto& kernel : times) kernel.second /= kSteps;
  return times;
}

/// In windows: the GPU is asked for the next step before it has done the last.
void measure_windows(const BenchmarkRequest& request, const RunConfig& config,
                     torch::Device device, const BenchmarkStep& step,
                     Collective& collective, Measured& measured) {
  // In two steps libraries try their algorithms, and take memory for it.
  reset_peak_memory(device);
  auto& gpu = measured.gpu.emplace();
  for (int i = 0; i < 5; ++i) {
    const OperatorBytes moved;  // A step that is replayed calls none of them.
    step.run();
    gpu.bytes = std::max(gpu.bytes, moved.bytes());
  }
  Reductions reductions;
  DeviceWatch watch(device);
  measured.seconds = seconds_of_windows(
      {.launch = step.launch,
       .start = [&] { watch.start(); },
       .stop = [&] { return watch.stop(); },
       .goes_on =
           [&](int64_t windows, double elapsed) {
             reductions.add(step.reduction());
             return collective.any(windows < 5 || elapsed < request.seconds);
           }});
  gpu.memory = peak_memory(device);
  measured.reduction = reductions.medians();
  gpu.flops = flops_of(request, config);
  gpu.card = card_rates(device, type_of(request.step.amp));
  if (request.profile) gpu.kernels = kernels_of_step(step, device);
}

}  // namespace

Measured measure(const BenchmarkRequest& request, const RunConfig& config,
                 torch::Device device,
                 const std::shared_ptr<Collective>& collective) {
  Measured measured;
  const auto start = Clock::now();
  const auto step = make_step(config, request.step, device, collective);
  step.run();
  if (!device.is_cpu()) step.run();
  measured.setup = since(start);
  if (collective->size() > 1) {
    measured.link = measured_link(*collective, device);
  }
  if (device.is_cpu()) {
    measure_steps(request, step, *collective, measured);
  } else {
    measure_windows(request, config, device, step, *collective, measured);
  }
  std::sort(measured.seconds.begin(), measured.seconds.end());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  measured.peak_rss_mb = usage.ru_maxrss / 1024;
  if (collective->rank() > 0) return measured;
  if (request.profile && !request.step.train && device.is_cpu()) {
    measured.layers = layers_of(request, config);
  }
  measured.differences = differences(config, request.step, device);
  return measured;
}

}  // namespace skipzoo
