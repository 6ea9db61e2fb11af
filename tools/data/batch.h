#pragma once

#include <cstdint>
#include <span>

#include "models/tensor.h"

namespace skipzoo {

class Dataset;

/// What a network is to answer for each picture: its class or, as mixup and
/// distillation ask for, how likely each class is to be.
struct Targets {
  /// int64 (N): labels; or float32 (N, classes) with rows that sum to 1 or,
  /// with several labels a picture, 1 for each of them.
  torch::Tensor values;
  /// float32 (N): how much each picture counts in the loss; undefined: alike.
  torch::Tensor weights = {};
  /// Whether values are of several labels a picture: each class by itself.
  bool is_multi_label = false;

  bool is_soft() const { return values.dim() == 2; }
  int64_t size() const { return values.size(0); }
  /// int64 (N): the labels, of soft targets the likeliest classes.
  torch::Tensor labels() const;
  /// predicted: int64 (N), a class each -> bool (N): whether it is the label
  /// or, of several, one of them: of a mixed picture, of its stronger half.
  torch::Tensor hits(const torch::Tensor& predicted) const;
  /// float32 (N, classes), whichever they are.
  torch::Tensor soft(int64_t classes) const;
  /// Asynchronous from page-locked memory.
  Targets to(torch::Device device) const;
};

/// Those of a data set's pictures with these numbers; pinned: in page-locked
/// memory.
Targets targets_of(const Dataset& dataset, std::span<const int64_t> indices,
                   bool pinned);

/// int64 (N), on the CPU.
torch::Tensor tensor_of(std::span<const int64_t> numbers);

struct Batch {
  torch::Tensor images;  ///< uint8 (N, C, H, W), channels-last.
  Targets targets;
  torch::Tensor indices;  ///< int64 (N): their numbers in the data set; CPU.

  int64_t size() const { return images.size(0); }
};

}  // namespace skipzoo
