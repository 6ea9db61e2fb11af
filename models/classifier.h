#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/kernels/kernels.h"
#include "models/weight_names.h"

namespace skipzoo {

/// An image classifier whose last layer can be replaced.
///
/// Passed as std::shared_ptr<Classifier>: a ModuleHolder of a base class does
/// not convert from its families.
struct Classifier : torch::nn::Module {
  /// (N, C, H, W) normalised float images -> (N, num_classes) logits.
  virtual torch::Tensor forward(const torch::Tensor& images) = 0;
  /// forward() in two parts, for who looks between them: the last stage's
  /// output, (N, C, H, W) normalised images -> (N, features, h, w), and the
  /// global pooling and last layer behind it. Throw c10::NotImplementedError
  /// where a network is not made of them.
  virtual torch::Tensor forward_features(const torch::Tensor& /*images*/) {
    TORCH_CHECK_NOT_IMPLEMENTED(false, "a network without feature maps");
  }
  virtual torch::Tensor forward_head(const torch::Tensor& /*maps*/) {
    TORCH_CHECK_NOT_IMPLEMENTED(false, "a network without feature maps");
  }
  /// Registered name of the last linear layer, e.g. "fc".
  virtual std::string head_name() const = 0;
  /// Replaces the last layer by a freshly initialised one, on the same device
  /// and of the same type. num_classes: at least 1.
  virtual void reset_head(int64_t num_classes) = 0;
  /// Registered names of the repeated blocks in forward order, e.g. "layer1.0":
  /// the steps of layer-wise decay.
  virtual std::vector<std::string> block_names() const = 0;
  /// What others call its tensors, besides what holds for every network: a
  /// prefix, another name of the head.
  virtual NameRules name_rules() const { return {}; }
  /// Whether a trace of it is good for images of any size; not where padding is
  /// computed from the size.
  virtual bool takes_any_size() const { return true; }
  /// What its options say of the code that computes it.
  virtual Kernels kernels() const = 0;
};

}  // namespace skipzoo
