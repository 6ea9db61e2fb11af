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
/// By AVX-512 or AVX2 where the processor has it, else by plain loops; double
/// always by loops.
void multiply(Left<float> a, const float* b, int64_t rows, int64_t columns,
              int64_t depth, float* c, bool add);
void multiply(Left<double> a, const double* b, int64_t rows, int64_t columns,
              int64_t depth, double* c, bool add);
/// The same of bfloat16 in the VNNI layout: two of them, one after the other in
/// depth, are one element of a and b (the first in the lower half), and depth
/// counts pairs.
void multiply(Left<uint32_t> a, const uint32_t* b, int64_t rows,
              int64_t columns, int64_t depth, float* c, bool add);

/// What multiply() of floats or pairs falls back to; for tests on processors
/// that have more. multiply_avx2() is false, and does nothing, where there is
/// no AVX2.
void multiply_plain(Left<float> a, const float* b, int64_t rows,
                    int64_t columns, int64_t depth, float* c, bool add);
void multiply_plain(Left<uint32_t> a, const uint32_t* b, int64_t rows,
                    int64_t columns, int64_t depth, float* c, bool add);
bool multiply_avx2(Left<float> a, const float* b, int64_t rows, int64_t columns,
                   int64_t depth, float* c, bool add);
bool multiply_avx2(Left<uint32_t> a, const uint32_t* b, int64_t rows,
                   int64_t columns, int64_t depth, float* c, bool add);

}  // namespace skipzoo::gemm
