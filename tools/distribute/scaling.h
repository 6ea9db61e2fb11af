#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace skipzoo {

/// A network between processes, each of which sends and receives at once.
struct Link {
  double bytes_per_s = 0;
  double latency_s = 0;  ///< Of a message.
};

/// How gradients are summed.
enum class AllReduce {
  kRing,  ///< 2 (N-1) messages of 1/N of the bytes each (Patarasuk & Yuan
          ///< 2009): Gloo's, and NCCL's for much.
  kTree,  ///< Up a binary tree and down again, in pieces (Sanders, Speck &
          ///< Träff 2009): NCCL's where latency counts.
};

/// Seconds of an all-reduce of so many bytes over `ranks` processes.
double all_reduce_seconds(AllReduce how, double bytes, int64_t ranks,
                          const Link& link);

/// One that the backward pass has computed, or several that are reduced
/// together once all of them are there.
struct Gradient {
  double bytes = 0;
  double there_s = 0;  ///< After the backward pass began.
};

/// What one process does in a step by itself.
struct StepAlone {
  double forward_s = 0;  ///< And all else that comes before the gradients.
  double backward_s = 0;
  double update_s = 0;
  std::vector<Gradient> buckets = {};  ///< c10d::Reducer's.

  double seconds() const { return forward_s + backward_s + update_s; }
};

/// Of gradients in the order in which they are there: one bucket of `first`
/// bytes, and then of `cap`.
std::vector<Gradient> buckets_of(std::span<const Gradient> gradients,
                                 double first, double cap);

struct ScaledStep {
  int64_t ranks = 1;
  double seconds = 0;    ///< Of a step.
  double reduction = 0;  ///< Of all all-reduces.
  double exposed = 0;    ///< Of these, behind the backward pass.
  /// Of `ranks` times the pictures of one process a second.
  double efficiency = 1;
};
/// A bucket is reduced once it is whole and the one before it is through, by
/// the faster of the two ways.
ScaledStep scaled(const StepAlone& alone, int64_t ranks, const Link& link);

}  // namespace skipzoo
