#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "models/named_tensors.h"
#include "tools/train/options.h"

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace skipzoo {

/// SGD or AdamW on LibTorch's fused kernels: one pass over all parameters,
/// where torch::optim makes one for each of them and each operation.
///
/// SGD: Sutskever et al. 2013 in PyTorch's form, dampening 0. AdamW: Loshchilov
/// & Hutter 2019 (arXiv:1711.05101).
class Optimizer {
 public:
  /// lr_scale: the factor on the learning rate of a parameter, by its name;
  /// empty: 1 for all.
  Optimizer(const OptimizerOptions& options, const torch::nn::Module& model,
            const std::function<double(const std::string&)>& lr_scale = {});

  /// One update at learning rate `lr`. Parameters without a gradient stay.
  void step(double lr);
  void zero_grad();

  /// Momentum buffers or moments, and the number of updates: what a checkpoint
  /// keeps. The tensors are the optimizer's own.
  NamedTensors state() const;
  /// Takes over a state of the same model and kind. Throws std::runtime_error
  /// where a name or shape differs.
  void load_state(const NamedTensors& state);

 private:
  /// Parameters that share a weight decay and a factor on the learning rate.
  struct Group {
    double weight_decay = 0;
    double lr_scale = 1;
    std::vector<std::string> names;
    std::vector<torch::Tensor> parameters;
    std::vector<torch::Tensor> first;   ///< Momentum, or first moment.
    std::vector<torch::Tensor> second;  ///< Second moment (AdamW).
    std::vector<torch::Tensor> steps;   ///< float32 scalars (AdamW).
  };
  Group& group_of(double weight_decay, double lr_scale);
  void step(Group& group, double lr);

  OptimizerOptions options_;
  std::vector<Group> groups_;
};

}  // namespace skipzoo
