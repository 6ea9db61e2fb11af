#include "tools/train/judged.h"

#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "tools/train/intervals.h"

namespace skipzoo {

Judgements::Judgements(int64_t pictures, torch::Device device)
    : sums_(at::zeros({4, pictures},
                      at::TensorOptions(device).dtype(torch::kDouble))) {}

void Judgements::add(const torch::Tensor& indices, const torch::Tensor& logits,
                     const torch::Tensor& labels) {
  const auto values = logits.to(torch::kFloat);
  // Of equal logits the one that EvaluationSums takes.
  const auto best =
      std::get<1>(values.topk(std::min<int64_t>(5, values.size(1)), 1));
  const auto predicted = best.select(1, 0);
  const auto probability =
      values.softmax(1).gather(1, predicted.unsqueeze(1)).squeeze(1);
  const auto rows =
      at::stack({at::ones_like(labels).to(torch::kDouble),
                 labels.to(torch::kDouble), predicted.to(torch::kDouble),
                 probability.to(torch::kDouble).nan_to_num(0)});
  sums_.index_add_(1, indices.to(sums_.device(), /*non_blocking=*/true), rows);
}

std::vector<JudgedPicture> Judgements::result(Collective& collective) const {
  auto all = sums_.clone();
  collective.sum(all);
  const auto sums = all.to(torch::kCPU);
  const int64_t pictures = sums.size(1);
  const auto* seen = sums.const_data_ptr<double>();
  const auto mean = [&](int64_t row, int64_t index) {
    return seen[row * pictures + index] / seen[index];
  };
  std::vector<JudgedPicture> judged;
  for (int64_t i = 0; i < pictures; ++i) {
    if (seen[i] == 0) continue;
    judged.push_back({.index = i,
                      .label = static_cast<int64_t>(mean(1, i)),
                      .predicted = static_cast<int64_t>(mean(2, i)),
                      .probability = mean(3, i)});
  }
  return judged;
}

namespace {

/// The first `most` by their probability, of those that are right or of those
/// that are not.
template <typename Order>
std::vector<JudgedPicture> first_of(const std::vector<JudgedPicture>& judged,
                                    bool right, Order order, size_t most) {
  std::vector<JudgedPicture> chosen;
  for (const auto& one : judged) {
    if (one.is_right() == right) chosen.push_back(one);
  }
  std::ranges::stable_sort(chosen, order, &JudgedPicture::probability);
  chosen.resize(std::min(most, chosen.size()));
  return chosen;
}

}  // namespace

std::vector<JudgedPicture> confident_mistakes(
    const std::vector<JudgedPicture>& judged, size_t most) {
  return first_of(judged, false, std::greater(), most);
}

std::vector<JudgedPicture> doubtful_hits(
    const std::vector<JudgedPicture>& judged, size_t most) {
  return first_of(judged, true, std::less(), most);
}

std::vector<AtThreshold> at_thresholds(
    const std::vector<JudgedPicture>& judged) {
  if (judged.empty()) return {};
  std::vector<AtThreshold> rows;
  for (const double threshold : {0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99}) {
    int64_t kept = 0, right = 0;
    for (const auto& one : judged) {
      if (one.probability < threshold) continue;
      ++kept;
      if (one.is_right()) ++right;
    }
    const auto interval = wilson_interval(right, kept);
    rows.push_back({.threshold = threshold,
                    .coverage = 100 * static_cast<double>(kept) /
                                static_cast<double>(judged.size()),
                    .accuracy = kept == 0
                                    ? std::numeric_limits<double>::quiet_NaN()
                                    : 100 * static_cast<double>(right) /
                                          static_cast<double>(kept),
                    .low = interval.low,
                    .high = interval.high});
  }
  return rows;
}

std::vector<ConfidenceBin> confidence_bins(
    const std::vector<JudgedPicture>& judged) {
  constexpr size_t kBins = 15;
  std::vector<ConfidenceBin> bins(kBins);
  for (const auto& one : judged) {
    // (0, 1/15], …: what is no number, 0, is in the first too.
    const auto place = std::ceil(one.probability * kBins) - 1;
    auto& bin = bins[static_cast<size_t>(
        std::clamp(place, 0.0, static_cast<double>(kBins - 1)))];
    ++bin.pictures;
    bin.confidence += one.probability;
    bin.accuracy += one.is_right() ? 1 : 0;
  }
  for (auto& bin : bins) {
    if (bin.pictures == 0) continue;
    bin.confidence /= static_cast<double>(bin.pictures);
    bin.accuracy /= static_cast<double>(bin.pictures);
  }
  return bins;
}

}  // namespace skipzoo
