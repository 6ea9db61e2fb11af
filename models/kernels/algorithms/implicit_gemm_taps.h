#pragma once

// Internal to models/kernels/implicit_gemm*.cpp.

#include <algorithm>
#include <cstdint>

namespace skipzoo {

/// Calls body(tap, output row or column) for those that read position `at`.
template <typename Body>
void for_each_reader(int64_t at, int64_t before, int64_t kernel, int64_t stride,
                     int64_t outputs, const Body& body) {
  for (int64_t tap = 0; tap < kernel; ++tap) {
    const int64_t from = at + before - tap;
    if (from < 0) break;
    if (from % stride == 0 && from / stride < outputs) body(tap, from / stride);
  }
}

}  // namespace skipzoo
