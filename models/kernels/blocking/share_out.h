#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include "models/kernels/blocking/team.h"

namespace skipzoo {

/// A parallel loop with work stealing: calls body(worker, i) for every i below
/// count, on any thread and in any order; a worker, one of
/// at::get_num_threads(), is on one thread at a time.
///
/// Every worker has a part of its own, near what it worked on before, and then
/// takes from the others': threads are seldom equally fast for long, and the
/// fastest would wait. So this is for work that comes to the same whoever does
/// it. products: of all of it, where it is products of matrices; each worker
/// gets enough of them to be worth a thread that wakes.
template <typename Body>
void share_out(int64_t count, const Body& body,
               int64_t products = std::numeric_limits<int64_t>::max()) {
  constexpr int64_t kLeastProducts = 1 << 16;
  const auto workers =
      std::min({count, static_cast<int64_t>(at::get_num_threads()),
                std::max<int64_t>(products / kLeastProducts, 1)});
  // Each in a cache line of its own: only stealing moves one between cores.
  struct alignas(64) Counter {
    std::atomic<int64_t> next = 0;
  };
  std::vector<Counter> taken(static_cast<size_t>(workers));
  const auto work = [&](int64_t worker) {
    for (int64_t k = 0; k < workers; ++k) {
      const int64_t other = (worker + k) % workers;
      const int64_t begin = count * other / workers;
      const int64_t size = count * (other + 1) / workers - begin;
      // Relaxed, for it says only who does what: what was done is seen when
      // all is.
      const auto take = [&counter = taken[static_cast<size_t>(other)]] {
        return counter.next.fetch_add(1, std::memory_order_relaxed);
      };
      for (int64_t i = take(); i < size; i = take()) body(worker, begin + i);
    }
  };
  if (auto* team = Team::current(); team != nullptr && workers > 1) {
    team->share(workers, work);
    return;
  }
  at::parallel_for(0, workers, 1, [&](int64_t first, int64_t last) {
    for (int64_t worker = first; worker < last; ++worker) work(worker);
  });
}

/// Calls body(first, last) for ranges of at most `grain` of `count`.
template <typename Body>
void share_out_ranges(int64_t count, int64_t grain, const Body& body) {
  share_out((count + grain - 1) / grain, [&](int64_t, int64_t i) {
    body(i * grain, std::min(count, (i + 1) * grain));
  });
}

/// How often this thread ran what takes threads of LibTorch's, which a Team
/// would keep from it.
inline thread_local int64_t parallel_calls_of_libtorch = 0;
/// Counts such a call. elements: of its result; LibTorch computes few by one
/// thread, whoever asks.
inline void count_parallel_call(
    int64_t elements = std::numeric_limits<int64_t>::max()) {
  constexpr int64_t kGrain = 1 << 15;  // at::internal::GRAIN_SIZE
  if (elements >= kGrain) ++parallel_calls_of_libtorch;
}

}  // namespace skipzoo
