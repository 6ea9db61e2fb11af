#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/tensor.h"
#include "tools/data/batch.h"
#include "tools/data/dataset.h"
#include "tools/report/label_scores.h"
#include "tools/train/average_precision.h"
#include "tools/train/collective.h"

namespace skipzoo {

/// What a network says of pictures, and which classes they are of. Both on the
/// CPU; undefined where it was not kept.
struct ScoredPictures {
  torch::Tensor probabilities;  ///< float32 (N, classes).
  torch::Tensor labels;  ///< uint8 (N, classes): 1 for each class of a picture.
};

/// The pictures as each class ranks them.
std::vector<Ranking> rankings_of(const ScoredPictures& pictures);
/// One for each class, at these thresholds; none: each class at its best
/// (Ranking::best_threshold()).
std::vector<LabelScores> label_scores(const ScoredPictures& pictures,
                                      std::span<const double> thresholds = {});
/// Percent: the mean average precision of the classes that some picture has.
double mean_average_precision(const std::vector<LabelScores>& scores);
/// Percent: their mean F1 (macro F1), each at its threshold.
double mean_f1(const std::vector<LabelScores>& scores);
std::vector<double> thresholds_of(const std::vector<LabelScores>& scores);

/// float64 (classes, 6), as a checkpoint holds them.
torch::Tensor packed(const std::vector<LabelScores>& scores);
/// Throws std::runtime_error where these are not of so many classes.
std::vector<LabelScores> unpacked_scores(const torch::Tensor& rows,
                                         int64_t classes);

/// Collects ScoredPictures batch by batch: of each process its own, together
/// those of all.
class ScoreTable {
 public:
  /// The data set must outlive it.
  explicit ScoreTable(const Dataset& dataset);
  /// indices: int64 (N), numbers in the data set; probabilities: (N, classes).
  void add(const torch::Tensor& indices, const torch::Tensor& probabilities);
  /// In the order of the data set. device: where the processes' sums are taken.
  ScoredPictures result(Collective& collective, torch::Device device) const;

 private:
  const Dataset& dataset_;
  torch::Tensor probabilities_;  ///< Of the whole data set; 0: not seen yet.
  torch::Tensor seen_;           ///< float32 (pictures): how often.
};

struct Evaluation;

/// Loss and ranks of an Evaluation of several labels a picture, on the device.
class MultiLabelSums {
 public:
  explicit MultiLabelSums(torch::Device device);
  /// logits (N, classes).
  void add(const torch::Tensor& logits, const Targets& targets);
  /// Over all processes: loss, the mean binary cross entropy of classes and
  /// pictures; top1 and top5, the pictures of whose labels one is ranked first,
  /// or among the first five.
  Evaluation result(Collective& collective) const;

 private:
  torch::Tensor sums_;  ///< Of losses, hits, hits of five, pictures; float64.
};

}  // namespace skipzoo
