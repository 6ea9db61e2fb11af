#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/tensor.h"
#include "tools/device.h"

namespace skipzoo {

/// A watch that runs on a GPU: it stops when the GPU has come so far.
class DeviceWatch {
 public:
  explicit DeviceWatch(torch::Device device);
  ~DeviceWatch();
  void start();
  double stop();  ///< Waits; seconds since start().

 private:
  struct Events;
  std::unique_ptr<Events> events_;
};

/// What a GPU does in a second, in the run in which a step is measured.
struct CardRates {
  double flops = 0;  ///< Of a product of large matrices of the step's type.
  double bytes = 0;  ///< Read and written by a large copy.
};
CardRates card_rates(torch::Device device, at::ScalarType type);

/// Names of kernels, each once, and their seconds; the longest first.
using KernelTimes = std::vector<std::pair<std::string, double>>;

/// What a call launches on a device of this kind and waits for, by the profiler
/// that torch.profiler is made of. Nothing where LibTorch is without it.
KernelTimes kernel_times(const std::function<void()>& call,
                         c10::DeviceType kind);

/// What a step on a GPU takes besides its time.
struct GpuReport {
  DeviceMemory memory;  ///< From the third step on.
  double flops = 0;     ///< Of convolutions and linear layers, in a step.
  double bytes = 0;     ///< What operators read and write in a plain step.
  CardRates card;
  KernelTimes kernels;  ///< Of a step; none without --profile.
};

/// Its part of a report, as JSON: in units of 10^12 a second, and of 2^20
/// bytes. seconds: of a step.
std::string gpu_json(const GpuReport& report, double seconds);
/// The same as a sentence, and a table of kernels.
std::string gpu_text(const GpuReport& report, double seconds);

}  // namespace skipzoo
