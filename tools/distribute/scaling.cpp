#include "tools/distribute/scaling.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace skipzoo {

double all_reduce_seconds(AllReduce how, double bytes, int64_t ranks,
                          const Link& link) {
  if (ranks < 2) return 0;
  const auto n = static_cast<double>(ranks);
  if (how == AllReduce::kRing) {
    return 2 * (n - 1) * (link.latency_s + bytes / n / link.bytes_per_s);
  }
  const auto levels =
      static_cast<double>(std::bit_width(static_cast<uint64_t>(ranks - 1)));
  return 2 * (levels * link.latency_s + bytes / link.bytes_per_s);
}

std::vector<Gradient> buckets_of(std::span<const Gradient> gradients,
                                 double first, double cap) {
  std::vector<Gradient> buckets;
  Gradient open;
  for (size_t i = 0; i < gradients.size(); ++i) {
    open = {open.bytes + gradients[i].bytes, gradients[i].there_s};
    const double limit = buckets.empty() ? first : cap;
    if (open.bytes < limit && i + 1 < gradients.size()) continue;
    buckets.push_back(std::exchange(open, {}));
  }
  return buckets;
}

ScaledStep scaled(const StepAlone& alone, int64_t ranks, const Link& link) {
  ScaledStep step{.ranks = ranks};
  double free = 0;  // Seconds from the start of the backward pass.
  for (const auto& [bytes, there] : alone.buckets) {
    const double seconds =
        std::min(all_reduce_seconds(AllReduce::kRing, bytes, ranks, link),
                 all_reduce_seconds(AllReduce::kTree, bytes, ranks, link));
    step.reduction += seconds;
    free = std::max(free, there) + seconds;
  }
  step.exposed = std::max(0., free - alone.backward_s);
  step.seconds = alone.seconds() + step.exposed;
  step.efficiency = alone.seconds() / step.seconds;
  return step;
}

}  // namespace skipzoo
