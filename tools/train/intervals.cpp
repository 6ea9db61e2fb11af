#include "tools/train/intervals.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
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

/// As many as there are, with replacement.
template <typename T, typename Take>
void draw_from(const std::vector<T>& stratum, Random& random,
               const Take& take) {
  const auto count = std::ssize(stratum);
  for (int64_t i = 0; i < count; ++i) {
    take(stratum[static_cast<size_t>(random.below(count))]);
  }
}

/// What the pictures of each class were taken for, one by one.
std::vector<std::vector<size_t>> predictions_of(const Confusion& confusion) {
  std::vector<std::vector<size_t>> predictions(confusion.size());
  for (size_t of = 0; of < confusion.size(); ++of) {
    for (size_t as = 0; as < confusion[of].size(); ++as) {
      predictions[of].insert(predictions[of].end(),
                             static_cast<size_t>(confusion[of][as]), as);
    }
  }
  return predictions;
}

/// The pictures of each class, those of several with the rarest of these; the
/// last stratum has none.
std::vector<std::vector<size_t>> strata_of(const torch::Tensor& labels) {
  const int64_t classes = labels.size(1);
  const auto has = labels.to(torch::kCPU, torch::kBool).contiguous();
  const auto counts = has.sum(0).contiguous();
  const auto* count = counts.const_data_ptr<int64_t>();
  const auto* own = has.const_data_ptr<bool>();
  std::vector<std::vector<size_t>> strata(static_cast<size_t>(classes) + 1);
  for (int64_t i = 0; i < has.size(0); ++i, own += classes) {
    int64_t rarest = classes;
    for (int64_t c = 0; c < classes; ++c) {
      if (own[c] && (rarest == classes || count[c] < count[rarest])) rarest = c;
    }
    strata[static_cast<size_t>(rarest)].push_back(static_cast<size_t>(i));
  }
  return strata;
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
  return {
      .low = right == 0 ? 0 : std::max(0., (middle - half) * scale),
      .high = right == images ? 100 : std::min(100., (middle + half) * scale)};
}

std::vector<Interval> bootstrap_intervals(
    const Confusion& confusion,
    const std::vector<std::function<double(const Confusion&)>>& figures) {
  const auto predictions = predictions_of(confusion);
  int64_t count = 0;
  for (const auto& one : predictions) count += std::ssize(one);
  if (count == 0) return std::vector<Interval>(figures.size());
  constexpr int64_t kMostDraws = 20'000'000;
  const int64_t samples = std::clamp<int64_t>(kMostDraws / count, 100, 1000);
  std::vector<std::vector<double>> found(figures.size());
  Random random(1);
  Confusion sample;
  for (int64_t s = 0; s < samples; ++s) {
    sample.assign(confusion.size(), std::vector<int64_t>(confusion.size(), 0));
    for (size_t of = 0; of < predictions.size(); ++of) {
      draw_from(predictions[of], random, [&](size_t as) { ++sample[of][as]; });
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
  const auto strata = strata_of(evaluation.pictures.labels);
  std::vector<double> maps, f1s;
  Random random(1);
  std::vector<int32_t> times;
  for (int64_t s = 0; s < samples; ++s) {
    times.assign(static_cast<size_t>(count), 0);
    for (const auto& stratum : strata) {
      draw_from(stratum, random, [&](size_t picture) { ++times[picture]; });
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
