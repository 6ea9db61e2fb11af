#pragma once

#include <cstdint>

#include "models/tensor.h"

namespace skipzoo {

/// What a network is to answer for each picture: its class or, as mixup and
/// distillation ask for, how likely each class is to be.
struct Targets {
  /// int64 (N): labels; or float32 (N, classes) with rows that sum to 1.
  torch::Tensor values;
  /// float32 (N): how much each picture counts in the loss; undefined: alike.
  torch::Tensor weights = {};

  bool is_soft() const { return values.dim() == 2; }
  int64_t size() const { return values.size(0); }
  /// int64 (N): the labels, of soft targets the likeliest classes.
  torch::Tensor labels() const;
  /// float32 (N, classes), whichever they are.
  torch::Tensor soft(int64_t classes) const;
  /// Asynchronous from page-locked memory.
  Targets to(torch::Device device) const;
};

struct Batch {
  torch::Tensor images;  ///< uint8 (N, C, H, W), channels-last.
  Targets targets;
  torch::Tensor indices;  ///< int64 (N): their numbers in the data set.

  int64_t size() const { return images.size(0); }
};

}  // namespace skipzoo
