#include "tools/train/intervals.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "tools/data/random.h"
#include "tools/train/average_precision.h"

namespace skipzoo {

namespace {

/// Where 95 % of a bootstrap's figures lie.
Interval middle_of(std::vector<double> figures) {
  std::ranges::sort(figures);
  // Linear between its neighbours, as numpy.percentile has it.
  const auto percentile = [&](double share) {
    const double at = share * static_cast<double>(figures.size() - 1);
    const auto below = static_cast<size_t>(at);
    const auto above = std::min(below + 1, figures.size() - 1);
    const double part = at - static_cast<double>(below);
    return figures[below] + part * (figures[above] - figures[below]);
  };
  return {.low = percentile(0.025), .high = percentile(0.975)};
}

}  // namespace

Interval wilson_interval(int64_t right, int64_t images) {
  if (images == 0) return {.low = 0, .high = 100};
  constexpr double kZ =
      1.959963984540054;  // Of the normal distribution, 97.5 %.
  const auto n = static_cast<double>(images);
  const double share = static_cast<double>(right) / n;
  const double middle = share + kZ * kZ / (2 * n);
  const double half =
      kZ * std::sqrt(share * (1 - share) / n + kZ * kZ / (4 * n * n));
  const double scale = 100 / (1 + kZ * kZ / n);
  return {.low = std::max(0., (middle - half) * scale),
          .high = std::min(100., (middle + half) * scale)};
}

std::vector<Interval> bootstrap_intervals(
    const Confusion& confusion,
    const std::vector<std::function<double(const Confusion&)>>& figures) {
  std::vector<std::pair<size_t, size_t>> images;
  for (size_t of = 0; of < confusion.size(); ++of) {
    for (size_t as = 0; as < confusion[of].size(); ++as) {
      images.insert(images.end(), static_cast<size_t>(confusion[of][as]),
                    {of, as});
    }
  }
  if (images.empty()) return std::vector<Interval>(figures.size());
  const auto count = std::ssize(images);
  constexpr int64_t kMostDraws = 20'000'000;
  const int64_t samples = std::clamp<int64_t>(kMostDraws / count, 100, 1000);
  std::vector<std::vector<double>> found(figures.size());
  Random random(1);
  Confusion sample;
  for (int64_t s = 0; s < samples; ++s) {
    sample.assign(confusion.size(), std::vector<int64_t>(confusion.size(), 0));
    for (int64_t i = 0; i < count; ++i) {
      const auto& [of, as] = images[static_cast<size_t>(random.below(count))];
      ++sample[of][as];
    }
    for (size_t f = 0; f < figures.size(); ++f) {
      found[f].push_back(figures[f](sample));
    }
  }
  std::vector<Interval> intervals;
  for (auto& one : found) intervals.push_back(middle_of(std::move(one)));
  return intervals;
}

Interval bootstrap_interval(
    const Confusion& confusion,
    const std::function<double(const Confusion&)>& figure) {
  return bootstrap_intervals(confusion, {figure}).front();
}

LabelIntervals label_intervals(const Evaluation& evaluation) {
  const auto rankings = rankings_of(evaluation.pictures);
  const auto count = evaluation.pictures.labels.size(0);
  if (count == 0) return {};
  constexpr int64_t kMostSteps = 200'000'000;
  const int64_t steps = count * std::ssize(rankings);
  const int64_t samples = std::clamp<int64_t>(kMostSteps / steps, 100, 1000);
  std::vector<double> maps, f1s;
  Random random(1);
  std::vector<int32_t> times;
  for (int64_t s = 0; s < samples; ++s) {
    times.assign(static_cast<size_t>(count), 0);
    for (int64_t i = 0; i < count; ++i) {
      ++times[static_cast<size_t>(random.below(count))];
    }
    std::vector<LabelScores> scores;
    for (size_t c = 0; c < rankings.size(); ++c) {
      scores.push_back(rankings[c].at(evaluation.labels[c].threshold, times));
    }
    maps.push_back(mean_average_precision(scores));
    f1s.push_back(mean_f1(scores));
  }
  return {.map = middle_of(std::move(maps)),
          .macro_f1 = middle_of(std::move(f1s))};
}

namespace {

/// 97.5 % quantile of Student's t distribution.
double student_t(size_t degrees) {
  static constexpr double kTable[] = {
      12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060,
      2.2622,  2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199,
      2.1098,  2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639,
      2.0595,  2.0555, 2.0518, 2.0484, 2.0452, 2.0423};
  if (degrees <= std::size(kTable)) return kTable[degrees - 1];
  // Abramowitz & Stegun 26.7.5, two terms: four digits from there on.
  constexpr double kZ = 1.959963984540054;
  constexpr double kZ3 = kZ * kZ * kZ, kZ5 = kZ3 * kZ * kZ;
  const auto n = static_cast<double>(degrees);
  return kZ + (kZ3 + kZ) / (4 * n) +
         (5 * kZ5 + 16 * kZ3 + 3 * kZ) / (96 * n * n);
}

}  // namespace

MeanOfValues mean_of(const std::vector<double>& values) {
  MeanOfValues found;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) found.mean += value / n;
  double squares = 0;
  for (const double value : values) {
    squares += (value - found.mean) * (value - found.mean);
  }
  double half = std::numeric_limits<double>::infinity();
  if (values.size() > 1) {
    found.deviation = std::sqrt(squares / (n - 1));
    half = student_t(values.size() - 1) * found.deviation / std::sqrt(n);
  }
  found.interval = {.low = found.mean - half, .high = found.mean + half};
  return found;
}

Figures figures_of(const Confusion& confusion) {
  int64_t right = 0, images = 0;
  for (size_t of = 0; of < confusion.size(); ++of) {
    right += confusion[of][of];
    for (const int64_t count : confusion[of]) images += count;
  }
  const double top1 = images == 0 ? 0
                                  : 100 * static_cast<double>(right) /
                                        static_cast<double>(images);
  const auto by_bootstrap =
      bootstrap_intervals(confusion, {balanced_accuracy, macro_f1});
  return {.top1 = {top1, wilson_interval(right, images)},
          .balanced_accuracy = {balanced_accuracy(confusion), by_bootstrap[0]},
          .macro_f1 = {macro_f1(confusion), by_bootstrap[1]}};
}

}  // namespace skipzoo
