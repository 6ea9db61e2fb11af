#include "tools/train/objective.h"

#include <torch/nn/functional/loss.h>

#include <memory>
#include <vector>

#include "tools/data/sampler.h"

namespace skipzoo {

namespace {

namespace F = torch::nn::functional;
using torch::Tensor;

Tensor smoothed(const Tensor& soft, double smoothing) {
  if (smoothing == 0) return soft;
  const auto classes = static_cast<double>(soft.size(1));
  return soft * (1 - smoothing) + smoothing / classes;
}

/// What a loss of a config is made of.
struct Losses {
  double smoothing;
  double threshold;
  std::vector<double> numbers;  ///< Of classes; may be empty.
  mutable Tensor weights = {};  ///< The same where the logits are.

  Tensor weights_for(const Tensor& logits) const {
    if (numbers.empty()) return {};
    if (!weights.defined() || weights.device() != logits.device()) {
      weights = at::tensor(numbers, torch::kFloat).to(logits.device());
    }
    return weights;
  }

  Tensor cross_entropy(const Tensor& logits, const Targets& targets) const {
    const auto weight = weights_for(logits);
    if (!weight.defined() || !targets.is_soft()) {
      // LibTorch tells labels from soft targets by their shape, as Targets do.
      return F::cross_entropy(
          logits, targets.values,
          F::CrossEntropyFuncOptions().label_smoothing(smoothing).weight(
              weight));
    }
    // Of soft targets LibTorch's mean is not by the weights.
    const auto parts = smoothed(targets.values, smoothing) * weight;
    return -(parts * logits.log_softmax(1)).sum() /
           (targets.values * weight).sum();
  }

  Tensor binary_cross_entropy(const Tensor& logits,
                              const Targets& targets) const {
    auto dense = smoothed(targets.soft(logits.size(1)), smoothing);
    if (threshold > 0) dense = dense.gt(threshold).to(logits.dtype());
    return F::binary_cross_entropy_with_logits(
        logits, dense,
        F::BinaryCrossEntropyWithLogitsFuncOptions().weight(
            weights_for(logits)));
  }
};

}  // namespace

Objective make_objective(const TrainOptions& options) {
  const auto losses = std::make_shared<const Losses>(
      Losses{.smoothing = options.label_smoothing,
             .threshold = options.bce_target_threshold,
             .numbers = options.class_weights.numbers});
  if (options.loss == Loss::kBce) {
    return [losses](const Tensor& logits, const Targets& targets) {
      return losses->binary_cross_entropy(logits, targets);
    };
  }
  return [losses](const Tensor& logits, const Targets& targets) {
    return losses->cross_entropy(logits, targets);
  };
}

TrainOptions with_class_weights(TrainOptions options, const Dataset& dataset) {
  auto& [word, numbers] = options.class_weights;
  if (word != ClassWeighting::kBalanced || !numbers.empty()) return options;
  const auto images = static_cast<double>(dataset.size());
  const auto counts = class_counts(dataset);
  const auto classes = static_cast<double>(counts.size());
  for (const int64_t count : counts) {
    numbers.push_back(
        count == 0 ? 0 : images / (classes * static_cast<double>(count)));
  }
  return options;
}

}  // namespace skipzoo
