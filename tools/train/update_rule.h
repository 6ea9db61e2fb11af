#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/tensor.h"
#include "tools/train/options.h"

namespace skipzoo {

/// A tensor that an optimizer keeps beside each parameter.
struct Slot {
  enum class Kind {
    kLikeParameter,    ///< Its shape, type and layout; begins at zero.
    kCopyOfParameter,  ///< The same, but begins as the parameter.
    kScalar,           ///< float32, on the parameter's device; begins at zero.
    kProduct,  ///< A scalar of the parameter's type there; begins at one.
  };
  std::string name;  ///< In checkpoints, as torch.optim calls it: "exp_avg".
  Kind kind = Kind::kLikeParameter;
  bool is_idle = false;  ///< Stays at zero, as a momentum of factor 0.
};

/// Parameters to update, and by what. Tensors of one parameter have equal
/// layouts and shapes: the parameter's or, where it does not lie in the order
/// of its axes, (first axis, all others as they lie in memory).
struct Update {
  std::vector<torch::Tensor> parameters;
  std::vector<torch::Tensor> gradients;
  /// By slot, in the order of slots(), then by parameter.
  std::vector<std::vector<torch::Tensor>> slots;
  /// A scalar on the parameters' device, float64 on the CPU and float32
  /// elsewhere: a step that is captured as a CUDA graph takes it from memory.
  torch::Tensor lr;
  double weight_decay = 0;
  /// A float32 scalar there: 1 where the update is to be left out, else 0.
  std::optional<torch::Tensor> found_inf = {};
};

/// How one optimizer moves parameters, all in one go. Reads nothing back from
/// the device.
///
/// A new one is a file with a function that makes it, an enumerator of
/// OptimizerKind, a line in make_update_rules() and its options.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  /// Whether it is for this one; is_head: of the last layer.
  virtual bool takes(const torch::Tensor& /*parameter*/,
                     bool /*is_head*/) const {
    return true;
  }
  virtual std::vector<Slot> slots() const = 0;
  /// Whether apply() heeds Update::found_inf; where it does not, the caller
  /// puts parameters and slots back.
  virtual bool heeds_found_inf() const { return false; }
  /// Updates parameters and slots in place; without gradient tracking.
  virtual void apply(const Update& update) const = 0;
};

/// The rules of options.name: each parameter is moved by the first that takes
/// it.
std::vector<std::unique_ptr<UpdateRule>> make_update_rules(
    const OptimizerOptions& options);

/// How many copies of the weights those rules fill in their slots, at most.
int64_t copies_in_slots(const OptimizerOptions& options);

std::unique_ptr<UpdateRule> make_sgd(const OptimizerOptions& options);
std::unique_ptr<UpdateRule> make_adamw(const OptimizerOptions& options);
/// Tieleman & Hinton 2012 (Coursera, lecture 6e), as torch.optim.RMSprop.
std::unique_ptr<UpdateRule> make_rmsprop(const OptimizerOptions& options);
/// You et al. 2020 (arXiv:1904.00962), algorithm 2, as timm's Lamb without its
/// own clipping of gradients: what does not decay is not adapted either.
std::unique_ptr<UpdateRule> make_lamb(const OptimizerOptions& options);
/// Chen et al. 2023 (arXiv:2302.06675), algorithm 2.
std::unique_ptr<UpdateRule> make_lion(const OptimizerOptions& options);
/// Dozat 2016, as torch.optim.NAdam(decoupled_weight_decay=True).
std::unique_ptr<UpdateRule> make_nadamw(const OptimizerOptions& options);
/// Jordan 2024 (kellerjordan.github.io/posts/muon), as torch.optim.Muon, for
/// matrices and filters of the layers below the head; a filter is the matrix of
/// its outputs by all else.
std::unique_ptr<UpdateRule> make_muon(const OptimizerOptions& options);
/// LookaheadOptions around another rule.
std::unique_ptr<UpdateRule> make_lookahead(const LookaheadOptions& options,
                                           std::unique_ptr<UpdateRule> fast);

}  // namespace skipzoo
