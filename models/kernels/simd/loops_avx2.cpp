// Compiled with AVX2 and FMA, called where the processor has them.
#include "models/kernels/simd/generic/table.h"
#include "models/kernels/simd/lanes_avx2.h"

namespace skipzoo::simd {

void use_avx2(Loops& table) {
  set_rows<float, Avx2Floats>(table);
  set_rows<rows::Bf16, Avx2Floats>(table);
  set_rows<double, Avx2Doubles>(table);
  set_accumulators<float, Avx2Floats>(table);
  set_accumulators<double, Avx2Doubles>(table);
  table.multiply = &multiply<Avx2Gemm>;
  table.multiply_pairs = &multiply<Avx2GemmOfPairs>;
  table.interleave = &interleave;
  set_grouped<Avx2Grouped>(table);
}

}  // namespace skipzoo::simd
