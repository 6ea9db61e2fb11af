#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace skipzoo {

/// What a pooling looks at and how it moves on: (height, width) each.
struct PoolWindow {
  std::vector<int64_t> size, stride, padding;
  /// Whether a last window that goes beyond the image counts.
  bool ceil_mode = false;
};

/// A pooling's windows along one axis: 0 for height, 1 for width.
struct PoolSteps {
  PoolSteps(const PoolWindow& window, size_t axis, int64_t length_)
      : size(window.size[axis]),
        stride(window.stride[axis]),
        padding(window.padding[axis]),
        length(length_) {
    const int64_t way = length + 2 * padding - size;
    count = way >= 0 ? way / stride + 1 : 0;
    // The last begins in the image or in the border before it.
    const bool is_one_more = window.ceil_mode && way % stride != 0 &&
                             count * stride < length + padding;
    if (is_one_more) ++count;
  }

  /// The pixels that window i sees, [first, last).
  std::pair<int64_t, int64_t> seen(int64_t i) const {
    const int64_t begin = i * stride - padding;
    return {std::max<int64_t>(begin, 0), std::min(begin + size, length)};
  }
  /// How many windows from i on see as many pixels as a whole one; at least 1.
  int64_t alike(int64_t i) const {
    const auto is_whole = [&](int64_t k) {
      const auto [first, last] = seen(k);
      return k < count && last - first == size;
    };
    int64_t end = i + 1;
    while (is_whole(i) && is_whole(end)) ++end;
    return end - i;
  }

  int64_t size, stride, padding, length;
  int64_t count;
};

}  // namespace skipzoo
