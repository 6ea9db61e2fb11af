#include "tools/train/average_precision.h"

#include <algorithm>
#include <functional>

namespace skipzoo {

namespace {

int64_t count_of(int32_t number, std::span<const int32_t> times) {
  return times.empty() ? 1 : times[static_cast<size_t>(number)];
}

double share_of(int64_t part, int64_t whole) {
  return whole == 0 ? 0
                    : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Ranking::Ranking(std::span<const float> scores, std::span<const uint8_t> has) {
  pictures_.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    pictures_.push_back({.score = scores[i],
                         .number = static_cast<int32_t>(i),
                         .has = has[i] != 0});
  }
  std::ranges::stable_sort(pictures_, std::greater(), &Picture::score);
}

double Ranking::average_precision(std::span<const int32_t> times) const {
  int64_t right = 0, taken = 0, right_before = 0;
  double sum = 0;
  for (size_t i = 0; i < pictures_.size(); ++i) {
    const auto& one = pictures_[i];
    const int64_t count = count_of(one.number, times);
    taken += count;
    if (one.has) right += count;
    // Equal scores are told apart by no threshold.
    const bool is_last_of_score =
        i + 1 == pictures_.size() || pictures_[i + 1].score != one.score;
    if (!is_last_of_score || right == right_before) continue;
    sum += static_cast<double>(right - right_before) * share_of(right, taken);
    right_before = right;
  }
  return right == 0 ? 0 : sum / static_cast<double>(right);
}

double Ranking::best_threshold() const {
  const int64_t all = std::ranges::count(pictures_, true, &Picture::has);
  double best = 0.5, best_f1 = 0;
  int64_t right = 0;
  for (size_t i = 0; i < pictures_.size(); ++i) {
    if (pictures_[i].has) ++right;
    const bool is_last = i + 1 == pictures_.size();
    const double score = pictures_[i].score;
    const double next = is_last ? 0 : pictures_[i + 1].score;
    if (!is_last && next == score) continue;
    const double f1 = share_of(2 * right, static_cast<int64_t>(i) + 1 + all);
    if (f1 <= best_f1) continue;
    best_f1 = f1;
    best = (score + next) / 2;
  }
  return best;
}

LabelScores Ranking::at(double threshold,
                        std::span<const int32_t> times) const {
  int64_t right = 0, taken = 0, all = 0;
  for (const auto& one : pictures_) {
    const int64_t count = count_of(one.number, times);
    const bool is_taken = one.score >= threshold;
    if (is_taken) taken += count;
    if (one.has) all += count;
    if (is_taken && one.has) right += count;
  }
  return {.average_precision = average_precision(times),
          .threshold = threshold,
          .precision = share_of(right, taken),
          .recall = share_of(right, all),
          .f1 = share_of(2 * right, taken + all),
          .images = all};
}

}  // namespace skipzoo
