#pragma once

#include <cstdint>
#include <functional>

namespace skipzoo {

/// Calls `work` with 0 … count - 1, each once, in `threads` threads, of which
/// the caller's is one. Throws what one of the calls threw, once all of those
/// that had begun are over; none begins after it.
void in_threads(int64_t count, int64_t threads,
                const std::function<void(int64_t)>& work);

}  // namespace skipzoo
