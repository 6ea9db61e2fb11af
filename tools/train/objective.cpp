#include "tools/train/objective.h"

#include <torch/nn/functional/loss.h>

#include <limits>
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

/// The sum of losses by their weights over that of `counts`; 0 where that is.
Tensor weighted_mean(const Tensor& losses, const Tensor& counts,
                     const Tensor& weights) {
  const auto least = std::numeric_limits<float>::min();
  return (losses * weights).sum() / counts.sum().clamp_min(least);
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
    if (targets.weights.defined()) {
      return weighted_cross_entropy(logits, targets, weight);
    }
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

  /// A mean by the pictures' weights, and those of the classes where there are
  /// some: as torch::nn::CrossEntropyLoss takes its mean by the latter.
  Tensor weighted_cross_entropy(const Tensor& logits, const Targets& targets,
                                const Tensor& of_classes) const {
    auto soft = targets.soft(logits.size(1)).to(logits.dtype());
    auto parts = smoothed(soft, smoothing);
    if (of_classes.defined()) {
      soft = soft * of_classes;
      parts = parts * of_classes;
    }
    const auto losses = -(parts * logits.log_softmax(1)).sum(1);
    return weighted_mean(losses, targets.weights * soft.sum(1),
                         targets.weights);
  }

  Tensor binary_cross_entropy(const Tensor& logits,
                              const Targets& targets) const {
    auto dense = smoothed(targets.soft(logits.size(1)), smoothing);
    if (threshold > 0) dense = dense.gt(threshold).to(logits.dtype());
    F::BinaryCrossEntropyWithLogitsFuncOptions options;
    if (targets.is_multi_label) {
      options.pos_weight(weights_for(logits));
    } else {
      options.weight(weights_for(logits));
    }
    if (!targets.weights.defined()) {
      return F::binary_cross_entropy_with_logits(logits, dense, options);
    }
    const auto losses = F::binary_cross_entropy_with_logits(
        logits, dense, options.reduction(torch::kNone));
    return weighted_mean(losses.mean(1), targets.weights, targets.weights);
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

MeanBy make_mean_by(const TrainOptions& options) {
  const auto numbers = options.loss == Loss::kBce
                           ? std::vector<double>()
                           : options.class_weights.numbers;
  return [numbers](const Targets& targets) {
    const auto& values = targets.values;
    auto counts =
        torch::ones({targets.size()}, values.options().dtype(torch::kDouble));
    if (!numbers.empty()) {
      const auto of_classes =
          torch::tensor(numbers, torch::kDouble).to(values.device());
      counts = targets.is_soft()
                   ? torch::matmul(values.to(torch::kDouble), of_classes)
                   : of_classes.index_select(0, values);
    }
    if (targets.weights.defined()) counts = counts * targets.weights;
    return counts.sum();
  };
}

TrainOptions with_class_weights(TrainOptions options, const Dataset& dataset) {
  auto& [word, numbers] = options.class_weights;
  if (word != ClassWeighting::kBalanced || !numbers.empty()) return options;
  const auto images = static_cast<double>(dataset.size());
  const auto counts = class_counts(dataset);
  const auto classes = static_cast<double>(counts.size());
  for (const int64_t count : counts) {
    const auto own = static_cast<double>(count);
    if (dataset.is_multi_label()) {
      const bool is_mixed = own > 0 && own < images;
      numbers.push_back(is_mixed ? (images - own) / own : 1);
    } else {
      numbers.push_back(count == 0 ? 0 : images / (classes * own));
    }
  }
  return options;
}

}  // namespace skipzoo
