#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/tensor.h"

namespace skipzoo {

/// Means over the images of an epoch so far.
struct EpochMetrics {
  double loss = 0;
  double top1 = 0;  ///< Percent.
  int64_t images = 0;
};

/// Sums on the device, in double: reading a value each step would stall a GPU.
class RunningMetrics {
 public:
  explicit RunningMetrics(torch::Device device);

  /// loss: the batch's mean, a scalar; logits (N, classes); labels (N); step:
  /// its number, remembered where the loss is not finite.
  void add(const torch::Tensor& loss, const torch::Tensor& logits,
           const torch::Tensor& labels, int64_t step);
  EpochMetrics mean() const;
  /// The first step whose loss was not finite; -1 where there was none.
  int64_t first_bad_step() const;
  void reset();

  /// What a checkpoint within an epoch keeps: a copy, to and from.
  torch::Tensor state() const { return sums_.to(torch::kCPU, false, true); }
  void load_state(const torch::Tensor& sums) { sums_.copy_(sums); }

 private:
  torch::Tensor sums_;  ///< loss, right ones, images, first bad step.
};

/// Images by [true class][predicted class].
using Confusion = std::vector<std::vector<int64_t>>;
/// What is not zero in one, a row each: true class, predicted class, images.
torch::Tensor packed(const Confusion& confusion);
/// Throws std::runtime_error where `entries` are not of so many classes.
Confusion unpacked(const torch::Tensor& entries, int64_t classes);

/// What an evaluation finds.
struct Evaluation {
  double loss = 0;
  double top1 = 0;  ///< Percent.
  double top5 = 0;  ///< Percent; 100 with five classes or fewer.
  int64_t images = 0;
  int64_t skipped = 0;  ///< Pictures that could not be read.
  Confusion confusion;
};

/// Collects an Evaluation batch by batch, on the device.
class EvaluationSums {
 public:
  EvaluationSums(int64_t num_classes, torch::Device device);
  /// logits (N, classes), labels (N).
  void add(const torch::Tensor& logits, const torch::Tensor& labels);
  Evaluation result() const;

 private:
  torch::Tensor loss_;       ///< Scalar, double.
  torch::Tensor top5_;       ///< Scalar, int64.
  torch::Tensor confusion_;  ///< (classes * classes), int64.
  int64_t classes_;
};

/// One class of a confusion matrix; 0 where nothing is there to divide by.
struct ClassScores {
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  int64_t images = 0;
};
std::vector<ClassScores> class_scores(const Confusion& confusion);

}  // namespace skipzoo
