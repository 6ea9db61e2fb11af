#pragma once

#include <torch/nn.h>

#include <memory>
#include <utility>
#include <vector>

namespace skipzoo {

/// Holds a network in evaluation mode while it lives; then every module is in
/// the mode it was in, a frozen BatchNorm in a training network too.
class EvalMode {
 public:
  explicit EvalMode(torch::nn::Module& model) {
    for (const auto& module : model.modules(/*include_self=*/false)) {
      modes_.emplace_back(module, module->is_training());
    }
    model_ = &model;
    training_ = model.is_training();
    model.eval();
  }
  ~EvalMode() {
    model_->train(training_);
    for (const auto& [module, training] : modes_) module->train(training);
  }
  EvalMode(const EvalMode&) = delete;
  EvalMode& operator=(const EvalMode&) = delete;

 private:
  torch::nn::Module* model_;
  bool training_;
  std::vector<std::pair<std::shared_ptr<torch::nn::Module>, bool>> modes_;
};

}  // namespace skipzoo
