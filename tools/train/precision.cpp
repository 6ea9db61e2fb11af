#include "tools/train/precision.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>

#include "tools/error.h"

namespace skipzoo {

void check_amp(Amp amp, torch::Device device) {
  if (amp != Amp::kFp16 || device.is_cuda()) return;
  throw ConfigError(
      "train.amp: fp16 is for CUDA, and this run is on the CPU; off and bf16 "
      "are for both");
}

void set_cuda_arithmetic(const TrainOptions& options, torch::Device device) {
  if (!device.is_cuda()) return;
  auto& context = at::globalContext();
  context.setBenchmarkCuDNN(options.cudnn_benchmark && !options.deterministic);
  context.setDeterministicCuDNN(options.deterministic);
  context.setAllowTF32CuDNN(options.tf32);
  context.setAllowTF32CuBLAS(options.tf32);
}

void check_dtype(Amp amp, torch::Device device) {
  if (amp != Amp::kFp16 || device.is_cuda()) return;
  throw ConfigError(
      "--dtype: fp16 is for CUDA, and this runs on the CPU; bf16 and fp32 are "
      "for both");
}

Autocast::Autocast(Amp amp, torch::Device device)
    : device_(device.type()),
      active_(amp == Amp::kBf16 || (amp == Amp::kFp16 && device.is_cuda())) {
  if (!active_) return;
  was_enabled_ = at::autocast::is_autocast_enabled(device_);
  old_type_ = at::autocast::get_autocast_dtype(device_);
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_dtype(
      device_, amp == Amp::kBf16 ? at::kBFloat16 : at::kHalf);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  if (!active_) return;
  // The cache holds the casts of parameters that the next step changes.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, was_enabled_);
  at::autocast::set_autocast_dtype(device_, old_type_);
}

}  // namespace skipzoo
