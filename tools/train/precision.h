#pragma once

#include "models/tensor.h"
#include "tools/train/options.h"

namespace skipzoo {

/// Throws ConfigError where a network cannot be trained so on that device.
void check_amp(Amp amp, torch::Device device);
/// Throws ConfigError where nothing is computed so on that device, as --dtype
/// asks for.
void check_dtype(Amp amp, torch::Device device);

/// Settings of the process for its work on `device`: train.tf32,
/// cudnn_benchmark and deterministic. The CPU has none of them, and nothing
/// changes there.
void set_cuda_arithmetic(const TrainOptions& options, torch::Device device);

/// Autocast while it lives, by its own thread; undone even by an exception.
/// Amp::kFp16 on the CPU is none.
class Autocast {
 public:
  Autocast(Amp amp, torch::Device device);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  c10::DeviceType device_;
  bool active_;
  bool was_enabled_ = false;
  at::ScalarType old_type_ = at::kFloat;
};

}  // namespace skipzoo
