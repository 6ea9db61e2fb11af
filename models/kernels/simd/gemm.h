#pragma once

#include <cstdint>

// Matrix products of blocks that lie in L1 or L2, each by one thread: what a
// convolution needs that does something to its input or output on the way.

namespace skipzoo::gemm {

/// Rows come in multiples of kRows, columns of kColumns; the rest is padding.
constexpr int64_t kRows = 4;
constexpr int64_t kColumns = 16;
constexpr int64_t padded(int64_t size, int64_t to) {
  return (size + to - 1) / to * to;
}

/// Element (i, k) of the left matrix: at[i * row + k * column].
template <typename T>
struct Left {
  const T* at;
  int64_t row;
  int64_t column;
};

/// c = a · b, or c += a · b. a: (rows, depth), b: (depth, columns) with rows of
/// `columns`, c likewise (rows, columns).
///
/// By the processor's instruction set (loops.h); of doubles by plain lanes.
void multiply(Left<float> a, const float* b, int64_t rows, int64_t columns,
              int64_t depth, float* c, bool add);
void multiply(Left<double> a, const double* b, int64_t rows, int64_t columns,
              int64_t depth, double* c, bool add);
/// The same of bfloat16 in the VNNI layout: two of them, one after the other in
/// depth, are one element of a and b (the first in the lower half), and depth
/// counts pairs.
void multiply(Left<uint32_t> a, const uint32_t* b, int64_t rows,
              int64_t columns, int64_t depth, float* c, bool add);

}  // namespace skipzoo::gemm
