#include "tools/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <malloc.h>
#include <sched.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "tools/error.h"
#include "tools/memory.h"

namespace skipzoo {

namespace {

constexpr bool kBuiltWithCuda =
#ifdef SKIPZOO_TORCH_CUDA
    true;
#else
    false;
#endif

/// The GPU of this process.
int64_t own_gpu = 0;

int64_t cuda_devices() {
  return at::hasCUDA()
             ? static_cast<int64_t>(at::detail::getCUDAHooks().deviceCount())
             : 0;
}

int usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  return CPU_COUNT(&cores);
}

}  // namespace

torch::Device resolve_device(const std::string& name) {
  const int64_t count = cuda_devices();
  if (name == "cpu" || (name == "auto" && count == 0)) return torch::kCPU;

  int64_t index = own_gpu;
  if (name.starts_with("cuda:")) {
    const char* end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + 5, end, index);
    if (error != std::errc() || rest != end || index < 0) index = -1;
  } else if (name != "cuda" && name != "auto") {
    index = -1;
  }
  if (index < 0) {
    throw ConfigError("device '" + name +
                      "': expected auto, cpu, cuda or cuda:<index>");
  }
  if (!kBuiltWithCuda) {
    throw ConfigError("device '" + name +
                      "': this skipzoo is built on a "
                      "LibTorch without CUDA (" TORCH_VERSION
                      "); use cpu, or "
                      "build on a CUDA LibTorch");
  }
  if (count == 0) {
    throw ConfigError("device '" + name +
                      "': no CUDA device is visible on "
                      "this machine (driver missing, or CUDA_VISIBLE_DEVICES "
                      "empty?); use cpu");
  }
  if (index >= count) {
    throw ConfigError("device '" + name + "': this machine has " +
                      std::to_string(count) +
                      " CUDA device(s), numbered from "
                      "0");
  }
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

void take_gpu(int64_t index) { own_gpu = index; }

void prepare_process() {
  // A libc that refuses one of these is no error: they only save time.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 256 << 20);
  at::globalContext().setFlushDenormal(true);
}

void set_threads(int64_t threads) {
  if (threads == 0) {
    if (std::getenv("OMP_NUM_THREADS") != nullptr) return;
    threads = usable_cores();
  }
  at::set_num_threads(static_cast<int>(threads));
}

double free_memory(const torch::Device& device) {
  if (device.is_cpu()) return static_cast<double>(available_memory());
  const auto free =
      c10::getDeviceAllocator(device.type())->getMemoryInfo(device.index());
  return static_cast<double>(free.first);
}

std::string describe_device(const torch::Device& device) {
  if (device.is_cpu()) {
    const int threads = at::get_num_threads();
    return "cpu, " + std::to_string(threads) +
           (threads == 1 ? " thread" : " threads");
  }
  return device.str();
}

void wait_for(const torch::Device& device) {
  if (!device.is_cpu()) torch::cuda::synchronize(device.index());
}

DeviceMemory peak_memory(const torch::Device& device) {
  if (device.is_cpu()) return {};
  const auto stats =
      c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  constexpr auto kAll =
      static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return {.allocated = stats.allocated_bytes[kAll].peak,
          .reserved = stats.reserved_bytes[kAll].peak};
}

void reset_peak_memory(const torch::Device& device) {
  if (device.is_cpu()) return;
  wait_for(device);
  auto& allocator = *c10::getDeviceAllocator(device.type());
  allocator.emptyCache();
  allocator.resetPeakStats(device.index());
}

}  // namespace skipzoo
