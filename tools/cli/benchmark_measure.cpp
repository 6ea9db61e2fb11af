#include "tools/cli/benchmark_measure.h"

#include <sys/resource.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>

#include "models/classifier.h"
#include "models/engine.h"
#include "models/make_model.h"
#include "tools/cli/benchmark_step.h"
#include "tools/train/evaluate.h"
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

double median_of(std::vector<double> values) {
  const auto middle =
      values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
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

}  // namespace

Measured measure(const BenchmarkRequest& request, const RunConfig& config,
                 torch::Device device,
                 const std::shared_ptr<Collective>& collective) {
  Measured measured;
  auto start = Clock::now();
  const auto step = make_step(config, request.step, device, collective);
  step.run();
  measured.setup = since(start);
  if (collective->size() > 1) {
    measured.link = measured_link(*collective, device);
  }
  for (int i = 0; i < 3; ++i) step.run();
  std::optional<OperatorTimes> times;
  if (request.profile) times.emplace();
  std::vector<double> all, exposed;
  start = Clock::now();
  // All or none go on.
  const auto goes_on = [&] {
    return collective->any(measured.seconds.size() < 5 ||
                           since(start) < request.seconds);
  };
  while (goes_on()) {
    const auto before = Clock::now();
    step.run();
    measured.seconds.push_back(since(before));
    if (const auto reduction = step.reduction()) {
      all.push_back(reduction->all);
      exposed.push_back(reduction->exposed);
    }
  }
  if (times) measured.kinds = times->by_kind();
  std::sort(measured.seconds.begin(), measured.seconds.end());
  if (!all.empty()) measured.reduction = {median_of(all), median_of(exposed)};
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  measured.peak_rss_mb = usage.ru_maxrss / 1024;
  times.reset();
  if (collective->rank() > 0) return measured;
  if (request.profile && !request.step.train && device.is_cpu()) {
    measured.layers = layers_of(request, config);
  }
  measured.differences = differences(config, request.step, device);
  return measured;
}

}  // namespace skipzoo
