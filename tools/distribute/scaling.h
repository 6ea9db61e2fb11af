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

/// What one process does in a step by itself.
struct StepAlone {
  double forward_s = 0;  ///< And all else that comes before the gradients.
  double backward_s = 0;
  double update_s = 0;
  /// Bytes of the gradients that are reduced together, in the order in which
  /// the backward pass has them (c10d::Reducer's buckets).
  std::vector<double> buckets = {};
};

/// Buckets of parameters of so many bytes, first layer first: those of the last
/// layers come first, one of `first` bytes and then of `cap`.
std::vector<double> buckets_of(std::span<const double> parameters, double first,
                               double cap);

struct ScaledStep {
  int64_t ranks = 1;
  double seconds = 0;    ///< Of a step.
  double reduction = 0;  ///< Of all all-reduces.
  double exposed = 0;    ///< Of these, behind the backward pass.
  /// Of `ranks` times the pictures of one process a second.
  double efficiency = 1;
};
/// Gradients are there at an even pace during the backward pass; a bucket is
/// reduced once it is whole and the one before it is through. By the faster of
/// the two ways, each for each bucket.
ScaledStep scaled(const StepAlone& alone, int64_t ranks, const Link& link);

}  // namespace skipzoo
