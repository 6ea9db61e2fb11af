#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

// Found before LibTorch's file of this name: at::parallel_for with the same
// parts, each on a thread of its own. ThreadSanitizer does not see libgomp's
// barriers, and would take whatever a team does for a race.

#define INTRA_OP_PARALLEL

namespace at::internal {

/// How often work was shared.
inline std::atomic<int64_t> teams = 0;

template <typename F>
void invoke_parallel(int64_t begin, int64_t end, int64_t grain_size,
                     const F& f) {
  int64_t threads = at::get_num_threads();
  if (grain_size > 0) {
    threads = std::min(threads, divup(end - begin, grain_size));
  }
  const int64_t size = divup(end - begin, threads);
  std::vector<std::exception_ptr> errors(static_cast<size_t>(threads));
  const auto work = [&](int64_t thread) {
    const int64_t first = begin + thread * size;
    if (first >= end) return;
    try {
      const ThreadIdGuard id(static_cast<int>(thread));
      f(first, std::min(end, first + size));
    } catch (...) {
      errors[static_cast<size_t>(thread)] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> team;
    for (int64_t i = 1; i < threads; ++i) team.emplace_back(work, i);
    work(0);
  }
  ++teams;
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace at::internal
