#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "models/named_tensors.h"
#include "models/tensor.h"
#include "tools/data/batch.h"
#include "tools/train/collective.h"
#include "tools/train/judged.h"
#include "tools/train/multi_label.h"
#include "tools/train/state_section.h"

namespace skipzoo {

/// Means over the images of an epoch so far.
struct EpochMetrics {
  double loss = 0;
  double top1 = 0;  ///< Percent; of several labels, as an Evaluation's.
  int64_t images = 0;
};

/// Sums on the device, in double: reading a value each step would stall a GPU.
class RunningMetrics {
 public:
  explicit RunningMetrics(torch::Device device);

  /// loss: the batch's mean, a scalar; logits (N, classes); step: its number,
  /// remembered where the loss is not finite.
  void add(const torch::Tensor& loss, const torch::Tensor& logits,
           const Targets& targets, int64_t step);
  /// Over all processes.
  EpochMetrics mean(Collective& collective) const;
  /// The first step here whose loss was not finite; -1 where there was none.
  int64_t first_bad_step() const;
  void reset();

  /// Rank 0 has those of all processes from now on, and the others none: what a
  /// checkpoint of rank 0 is to hold.
  void gather(Collective& collective);

  /// For a checkpoint within an epoch; for as long as this lives.
  StateSection section();

 private:
  torch::Tensor sums_;  ///< Loss, right ones, images; first bad step.
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
  /// Percent; with several labels a picture, those of whose labels one is
  /// ranked first, or among the first five.
  double top1 = 0;
  double top5 = 0;  ///< Percent; 100 with one label and five classes or fewer.
  int64_t images = 0;
  int64_t skipped = 0;       ///< Pictures that could not be read.
  Confusion confusion = {};  ///< Empty with several labels a picture.
  /// Percent, of `labels`; nan where that is empty, or a probability is nan.
  double map = std::numeric_limits<double>::quiet_NaN();
  /// Each class by itself; empty where it was not asked for, with one label a
  /// picture.
  std::vector<LabelScores> labels = {};
  ScoredPictures pictures = {};  ///< What those are of.
  /// Each of them, in the order of the data set; none where a picture has no
  /// one class.
  std::vector<JudgedPicture> judged = {};

  bool has_several_labels() const { return confusion.empty() && images > 0; }
};

/// Collects an Evaluation batch by batch, on the device.
class EvaluationSums {
 public:
  EvaluationSums(int64_t num_classes, torch::Device device);
  /// logits (N, classes), labels int64 (N).
  void add(const torch::Tensor& logits, const torch::Tensor& labels);
  /// Over all processes.
  Evaluation result(Collective& collective) const;

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
  int64_t images = 0;     ///< Of the class.
  int64_t predicted = 0;  ///< Taken for it.
};
std::vector<ClassScores> class_scores(const Confusion& confusion);
/// Percent: the mean recall over the classes that have images, what top-1 would
/// be if all classes were equally common.
double balanced_accuracy(const Confusion& confusion);
/// Percent: the mean F1 over the classes that have images or were predicted, as
/// scikit-learn's f1_score(average="macro").
double macro_f1(const Confusion& confusion);

}  // namespace skipzoo
