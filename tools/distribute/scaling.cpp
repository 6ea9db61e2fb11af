#include "tools/distribute/scaling.h"

#include <algorithm>
#include <bit>
#include <numeric>

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

std::vector<double> buckets_of(std::span<const double> parameters, double first,
                               double cap) {
  std::vector<double> buckets;
  double open = 0, limit = first;
  for (size_t i = parameters.size(); i-- > 0;) {
    open += parameters[i];
    if (open < limit && i > 0) continue;
    buckets.push_back(open);
    open = 0;
    limit = cap;
  }
  return buckets;
}

ScaledStep scaled(const StepAlone& alone, int64_t ranks, const Link& link) {
  const double all =
      std::accumulate(alone.buckets.begin(), alone.buckets.end(), 0.);
  ScaledStep step{.ranks = ranks};
  double there = 0, free = 0;  // Seconds from the start of the backward pass.
  for (const double bytes : alone.buckets) {
    there += alone.backward_s * bytes / all;
    const double seconds =
        std::min(all_reduce_seconds(AllReduce::kRing, bytes, ranks, link),
                 all_reduce_seconds(AllReduce::kTree, bytes, ranks, link));
    step.reduction += seconds;
    free = std::max(free, there) + seconds;
  }
  step.exposed = std::max(0., free - alone.backward_s);
  const double by_itself = alone.forward_s + alone.backward_s + alone.update_s;
  step.seconds = by_itself + step.exposed;
  step.efficiency = by_itself / step.seconds;
  return step;
}

}  // namespace skipzoo
