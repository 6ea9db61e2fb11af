#include "models/kernels/simd/gemm.h"

#include "models/kernels/simd/loops.h"

namespace skipzoo::gemm {

void multiply(Left<float> a, const float* b, int64_t rows, int64_t columns,
              int64_t depth, float* c, bool add) {
  simd::loops().multiply(a, b, rows, columns, depth, c, add);
}

void multiply(Left<double> a, const double* b, int64_t rows, int64_t columns,
              int64_t depth, double* c, bool add) {
  simd::loops().multiply_doubles(a, b, rows, columns, depth, c, add);
}

void multiply(Left<uint32_t> a, const uint32_t* b, int64_t rows,
              int64_t columns, int64_t depth, float* c, bool add) {
  simd::loops().multiply_pairs(a, b, rows, columns, depth, c, add);
}

}  // namespace skipzoo::gemm
