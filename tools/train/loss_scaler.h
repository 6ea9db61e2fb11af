#pragma once

#include <cstdint>
#include <vector>

#include "models/named_tensors.h"
#include "models/tensor.h"

namespace skipzoo {

/// How a LossScaler begins and moves: the defaults of torch.amp.GradScaler.
struct LossScaling {
  double init_scale = 65536;
  double growth_factor = 2;     ///< After growth_interval steps in a row.
  double backoff_factor = 0.5;  ///< After a step that was left out.
  int64_t growth_interval = 2000;
};

/// Multiplies a loss so that its gradients are not too small for float16, by as
/// much as they bear: as torch.amp.GradScaler (Micikevicius et al. 2018,
/// arXiv:1710.03740, section 3.2).
///
///   scaler.scale(loss).backward();
///   const auto found_inf = scaler.unscale(gradients);
///   scaler.update();
///   optimizer.step(found_inf);  // Which leaves the step out where it is 1.
///
/// Reads nothing back from the device.
class LossScaler {
 public:
  explicit LossScaler(torch::Device device, const LossScaling& options = {});

  torch::Tensor scale(const torch::Tensor& loss) const;
  /// Divides gradients, float32 on the device, by the scale. Returns a float32
  /// scalar there, its own: 0 where all are finite, else 1.
  const torch::Tensor& unscale(const std::vector<torch::Tensor>& gradients);
  /// Lowers the scale where the gradients unscaled last were not finite; raises
  /// it where those of many steps were.
  void update();

  /// Its scale, and the steps since that moved; the tensors are its own.
  NamedTensors state() const;
  /// Throws std::runtime_error where it is no such state.
  void load_state(const NamedTensors& saved);

 private:
  LossScaling options_;
  torch::Tensor scale_;           ///< Scalar, float32.
  torch::Tensor growth_tracker_;  ///< Scalar, int32.
  torch::Tensor found_inf_;       ///< Scalar, float32: 0 or 1.
};

}  // namespace skipzoo
