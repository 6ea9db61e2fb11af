#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/named_tensors.h"
#include "tools/train/options.h"
#include "tools/train/state_section.h"
#include "tools/train/update_rule.h"

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace skipzoo {

/// Updates the parameters of a model by UpdateRules: on LibTorch's fused and
/// foreach kernels, where torch::optim makes a pass for each parameter and
/// operation.
class Optimizer {
 public:
  /// lr_scale: the factor on the learning rate of a parameter, by its name;
  /// empty: 1 for all.
  Optimizer(const OptimizerOptions& options, const torch::nn::Module& model,
            const std::function<double(const std::string&)>& lr_scale = {});

  /// The learning rate of the steps to come; that of the options until then.
  void set_lr(double lr);
  /// One update. Parameters without a gradient stay. found_inf: a float32
  /// scalar on their device: where it is 1, the update is left out.
  void step(const std::optional<torch::Tensor>& found_inf = {});
  void zero_grad();
  /// Of the parameters that have one, in a fixed order.
  std::vector<torch::Tensor> gradients() const;
  /// Those parameters, by name; as a tensor shares them.
  NamedTensors with_gradient() const;
  /// Gives a parameter a gradient. Throws std::runtime_error where there is no
  /// such parameter, or it has another shape.
  void set_gradient(const std::string& name, const torch::Tensor& gradient);

  /// state() and load_state(), for a checkpoint; for as long as this lives.
  StateSection section();
  /// The slots of every parameter, as "<slot>.<parameter>": what a checkpoint
  /// keeps. The tensors are the optimizer's own.
  NamedTensors state() const;
  /// Takes over a state of the same model and kind. Throws std::runtime_error
  /// where a name or shape differs.
  void load_state(const NamedTensors& state);

 private:
  /// Parameters that share a rule, a weight decay and a factor on the learning
  /// rate.
  struct Group {
    const UpdateRule* rule = nullptr;
    std::vector<Slot> kinds;
    double weight_decay = 0;
    double lr_scale = 1;
    torch::Tensor lr;  ///< Its own, the factor included.
    std::vector<std::string> names;
    std::vector<torch::Tensor> parameters;
    std::vector<std::vector<torch::Tensor>> slots;  ///< By slot, parameter.
  };
  Group& group_of(const UpdateRule& rule, double weight_decay, double lr_scale,
                  const torch::Tensor& parameter);

  std::vector<std::unique_ptr<UpdateRule>> rules_;
  std::vector<Group> groups_;
};

}  // namespace skipzoo
