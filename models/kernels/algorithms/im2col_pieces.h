#pragma once

#include <cstdint>

// What of an image im2col copies, and for which taps. For its file alone.

namespace skipzoo {

/// Taps of a kernel along an axis.
struct Taps {
  int64_t first = 0, count = 0;
  bool operator==(const Taps&) const = default;
};

/// Those that read more than padding for some pixel of the result.
inline Taps taps_in_use(int64_t kernel, int64_t from, int64_t to,
                        int64_t stride, int64_t padding) {
  const auto is_used = [&](int64_t tap) {
    for (int64_t i = 0; i < to; ++i) {
      const int64_t at = i * stride - padding + tap;
      if (at >= 0 && at < from) return true;
    }
    return false;
  };
  int64_t first = 0, last = kernel - 1;
  while (first < last && !is_used(first)) ++first;
  while (last > first && !is_used(last)) --last;
  return {first, last - first + 1};
}

/// Part of an image that is copied to a row.
struct Piece {
  int64_t from, to, count;
  bool goes_on_with(const Piece& next) const {
    return from + count == next.from && to + count == next.to;
  }
};

}  // namespace skipzoo
