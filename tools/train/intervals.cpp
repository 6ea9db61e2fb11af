#include "tools/train/intervals.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "tools/data/random.h"

namespace skipzoo {

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

Interval bootstrap_interval(
    const Confusion& confusion,
    const std::function<double(const Confusion&)>& figure) {
  std::vector<std::pair<size_t, size_t>> images;
  for (size_t of = 0; of < confusion.size(); ++of) {
    for (size_t as = 0; as < confusion[of].size(); ++as) {
      images.insert(images.end(), static_cast<size_t>(confusion[of][as]),
                    {of, as});
    }
  }
  if (images.empty()) return {};
  const auto count = std::ssize(images);
  constexpr int64_t kMostDraws = 20'000'000;
  const int64_t samples = std::clamp<int64_t>(kMostDraws / count, 100, 1000);
  std::vector<double> figures;
  Random random(1);
  Confusion sample;
  for (int64_t s = 0; s < samples; ++s) {
    sample.assign(confusion.size(), std::vector<int64_t>(confusion.size(), 0));
    for (int64_t i = 0; i < count; ++i) {
      const auto& [of, as] = images[static_cast<size_t>(random.below(count))];
      ++sample[of][as];
    }
    figures.push_back(figure(sample));
  }
  std::ranges::sort(figures);
  // Linear between its neighbours, as numpy.percentile has it.
  const auto percentile = [&](double share) {
    const double at = share * static_cast<double>(samples - 1);
    const auto below = static_cast<size_t>(at);
    const auto above = std::min(below + 1, figures.size() - 1);
    const double part = at - static_cast<double>(below);
    return figures[below] + part * (figures[above] - figures[below]);
  };
  return {.low = percentile(0.025), .high = percentile(0.975)};
}

}  // namespace skipzoo
