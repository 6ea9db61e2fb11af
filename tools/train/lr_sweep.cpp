#include "tools/train/lr_sweep.h"

#include <algorithm>
#include <cmath>

namespace skipzoo {

namespace {

constexpr double kBeta = 0.98;
constexpr double kMostOfBest = 4;

}  // namespace

double LrSweep::lr() const {
  // The second step is two hundredths of the way: Lightning's scheduler.
  const auto i = static_cast<double>(points_.size());
  const double done =
      i == 0 ? 0 : (i + 1) / static_cast<double>(options_.steps);
  return options_.min_lr * std::pow(options_.max_lr / options_.min_lr, done);
}

void LrSweep::add(double loss) {
  const double rate = lr();
  sum_ = kBeta * sum_ + (1 - kBeta) * loss;
  const auto count = static_cast<double>(points_.size() + 1);
  const double smoothed = sum_ / (1 - std::pow(kBeta, count));
  if (!std::isfinite(smoothed)) {
    diverged_ = true;
    return;
  }
  diverged_ = !points_.empty() && smoothed > kMostOfBest * best_;
  best_ = points_.empty() ? smoothed : std::min(best_, smoothed);
  points_.push_back({.lr = rate, .loss = loss, .smoothed = smoothed});
}

bool LrSweep::is_over() const {
  return diverged_ || std::ssize(points_) >= options_.steps;
}

std::optional<size_t> valley(std::span<const double> losses) {
  const size_t n = losses.size();
  if (n == 0) return std::nullopt;
  // The longest fall that ends at each.
  std::vector<int64_t> lengths(n, 1);
  size_t end = 0;
  for (size_t i = 1; i < n; ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (losses[i] < losses[j])
        lengths[i] = std::max(lengths[i], lengths[j] + 1);
    }
    if (lengths[i] > lengths[end]) end = i;
  }
  const int64_t length = lengths[end];
  if (length == 1) return std::nullopt;
  // As if its losses were neighbours; a third of it, and half of a third.
  const int64_t index =
      static_cast<int64_t>(end) - length + length / 3 + length / 6;
  return static_cast<size_t>(std::max<int64_t>(index, 0));
}

std::optional<size_t> suggestion(const std::vector<LrPoint>& points,
                                 int64_t steps) {
  constexpr size_t kLast = 5;
  const auto first = static_cast<size_t>(steps / 10);
  if (points.size() <= first + kLast) return std::nullopt;
  std::vector<double> losses;
  for (size_t i = first; i < points.size() - kLast; ++i) {
    losses.push_back(points[i].smoothed);
  }
  const auto found = valley(losses);
  if (!found) return std::nullopt;
  return first + *found;
}

}  // namespace skipzoo
