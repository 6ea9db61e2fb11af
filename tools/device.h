#pragma once

#include <cstdint>
#include <string>

#include "models/tensor.h"

namespace skipzoo {

/// auto | cpu | cuda | cuda:<index> -> a device of this machine; `auto` is CUDA
/// where there is one. Throws ConfigError, saying whether the build or the
/// machine lacks it.
torch::Device resolve_device(const std::string& name);

/// Of several processes on this machine: which GPU `auto` and `cuda` are for
/// this one, from now on.
void take_gpu(int64_t index);

/// Settings of the process, before the first tensor: a malloc that keeps big
/// blocks (else a third of a training step is page faults), and no denormals.
void prepare_process();

/// The number of threads of one operation. 0: OMP_NUM_THREADS, or else all
/// cores that this process may use.
void set_threads(int64_t threads);

/// Bytes of the device's memory that nobody has taken; the CPU's is this
/// machine's (available_memory()).
double free_memory(const torch::Device& device);

/// Like "cpu, 2 threads" or "cuda:0", for logs.
std::string describe_device(const torch::Device& device);

/// Returns when all that was asked of the device is done; on the CPU at once.
void wait_for(const torch::Device& device);

/// Bytes of a GPU's memory in this process, at most.
struct DeviceMemory {
  int64_t allocated = 0;  ///< By tensors, and by what a recorded step runs in.
  int64_t reserved = 0;   ///< Taken from the GPU.
};
/// Since the last reset_peak_memory(); nothing on the CPU.
DeviceMemory peak_memory(const torch::Device& device);
/// Gives back what nobody uses, too.
void reset_peak_memory(const torch::Device& device);

}  // namespace skipzoo
