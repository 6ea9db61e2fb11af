#include "tools/cli/benchmark_gpu.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <torch/types.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace skipzoo {

struct DeviceWatch::Events {
  torch::Device device;
  c10::Event first, last;
  c10::Stream stream() const {
    return c10::impl::VirtualGuardImpl(device.type()).getStream(device);
  }
};

DeviceWatch::DeviceWatch(torch::Device device)
    : events_(new Events{
          .device = device,
          .first = {device.type(), c10::EventFlag::BACKEND_DEFAULT},
          .last = {device.type(), c10::EventFlag::BACKEND_DEFAULT}}) {}

DeviceWatch::~DeviceWatch() = default;

void DeviceWatch::start() { events_->first.record(events_->stream()); }

double DeviceWatch::stop() {
  constexpr double kMilliseconds = 1e3;
  events_->last.record(events_->stream());
  events_->last.synchronize();
  return events_->first.elapsedTime(events_->last) / kMilliseconds;
}

CardRates card_rates(torch::Device device, at::ScalarType type) {
  const torch::NoGradGuard no_grad;
  constexpr int64_t kSide = 8192, kBytes = 1 << 29;
  const auto least = [&](const auto& call) {
    constexpr int kRounds = 5, kRuns = 5;
    DeviceWatch watch(device);
    double seconds = std::numeric_limits<double>::infinity();
    call();
    for (int round = 0; round < kRounds; ++round) {
      watch.start();
      for (int run = 0; run < kRuns; ++run) call();
      seconds = std::min(seconds, watch.stop() / kRuns);
    }
    return seconds;
  };
  CardRates rates;
  {
    const auto options = torch::device(device).dtype(type);
    const auto a = torch::randn({kSide, kSide}, options);
    const auto b = torch::randn({kSide, kSide}, options);
    auto product = torch::empty({kSide, kSide}, options);
    rates.flops = 2e0 * kSide * kSide * kSide /
                  least([&] { torch::mm_out(product, a, b); });
  }
  const auto bytes = torch::device(device).dtype(torch::kByte);
  const auto from = torch::zeros({kBytes}, bytes);
  const auto to = torch::empty({kBytes}, bytes);
  rates.bytes = 2e0 * kBytes / least([&] { to.copy_(from); });
  return rates;
}

KernelTimes kernel_times(const std::function<void()>& call,
                         c10::DeviceType kind) {
  namespace profiler = torch::autograd::profiler;
  using torch::profiler::impl::ActivityType;
  const std::set<ActivityType> activities = {
      kind == torch::kCUDA ? ActivityType::CUDA : ActivityType::CPU};
  const torch::profiler::impl::ProfilerConfig config(
      torch::profiler::impl::ProfilerState::KINETO);
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(
      config, activities,
      {at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION});
  call();
  const auto found = profiler::disableProfiler();
  std::map<std::string, double> seconds;
  constexpr double kNanoseconds = 1e9;
  for (const auto& event : found->events()) {
    if (event.deviceType() != kind) continue;
    seconds[event.name()] +=
        static_cast<double>(event.durationNs()) / kNanoseconds;
  }
  KernelTimes times(seconds.begin(), seconds.end());
  std::stable_sort(
      times.begin(), times.end(),
      [](const auto& a, const auto& b) { return a.second > b.second; });
  return times;
}

}  // namespace skipzoo
