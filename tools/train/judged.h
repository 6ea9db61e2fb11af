#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/tensor.h"
#include "tools/report/mistakes.h"
#include "tools/train/collective.h"

namespace skipzoo {

/// What a network made of one picture of one class.
struct JudgedPicture {
  int64_t index = 0;  ///< In the data set.
  int64_t label = 0;
  int64_t predicted = 0;
  double probability = 0;  ///< Of `predicted`; 0 where it is no number.

  bool is_right() const { return label == predicted; }
};

/// Collects them batch by batch, on the device.
class Judgements {
 public:
  /// pictures: how many the data set has.
  Judgements(int64_t pictures, torch::Device device);
  /// indices, int64 (N): numbers in the data set; logits (N, classes); labels,
  /// int64 (N).
  void add(const torch::Tensor& indices, const torch::Tensor& logits,
           const torch::Tensor& labels);
  /// Over all processes, in the order of the data set, those not seen left out.
  std::vector<JudgedPicture> result(Collective& collective) const;

 private:
  /// Double (4, pictures): how often seen; label, predicted and probability,
  /// each summed over these times.
  torch::Tensor sums_;
};

/// The wrong ones, the most confident first; of equal ones the first first.
std::vector<JudgedPicture> confident_mistakes(
    const std::vector<JudgedPicture>& judged, size_t most);
/// The right ones, the least confident first; of equal ones the first first.
std::vector<JudgedPicture> doubtful_hits(
    const std::vector<JudgedPicture>& judged, size_t most);

/// For thresholds from 0.5 to 0.99; none for no pictures.
std::vector<AtThreshold> at_thresholds(
    const std::vector<JudgedPicture>& judged);

/// In 15 bins, as of Guo et al. 2017 (arXiv:1706.04599, section 5).
std::vector<ConfidenceBin> confidence_bins(
    const std::vector<JudgedPicture>& judged);

}  // namespace skipzoo
