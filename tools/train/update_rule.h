#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/tensor.h"
#include "tools/train/options.h"

namespace skipzoo {

/// A tensor that an optimizer keeps beside each parameter.
struct Slot {
  enum class Kind {
    kLikeParameter,  ///< Its shape, type and layout; begins at zero.
    kScalar,         ///< float32, on the parameter's device; begins at zero.
  };
  std::string name;  ///< In checkpoints, as torch.optim calls it: "exp_avg".
  Kind kind = Kind::kLikeParameter;
  bool is_idle = false;  ///< Stays at zero, as a momentum of factor 0.
};

/// Parameters to update, and by what. Tensors of one parameter have equal
/// layouts.
struct Update {
  std::vector<torch::Tensor> parameters;
  std::vector<torch::Tensor> gradients;
  /// By slot, in the order of slots(), then by parameter.
  std::vector<std::vector<torch::Tensor>> slots;
  /// A scalar on the parameters' device, float64 on the CPU and float32
  /// elsewhere: a step that is captured as a CUDA graph takes it from memory.
  torch::Tensor lr;
  double weight_decay = 0;
};

/// How one optimizer moves parameters, all in one go. Reads nothing back from
/// the device.
///
/// A new one is a file with a function that makes it, an enumerator of
/// OptimizerKind, a line in make_update_rule() and its options.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  virtual std::vector<Slot> slots() const = 0;
  /// Updates parameters and slots in place; without gradient tracking.
  virtual void apply(const Update& update) const = 0;
};

/// The rule of options.name.
std::unique_ptr<UpdateRule> make_update_rule(const OptimizerOptions& options);

/// How many copies of the weights that rule fills in its slots.
int64_t copies_in_slots(const OptimizerOptions& options);

std::unique_ptr<UpdateRule> make_sgd(const OptimizerOptions& options);
std::unique_ptr<UpdateRule> make_adamw(const OptimizerOptions& options);

}  // namespace skipzoo
