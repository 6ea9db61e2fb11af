// Compiled with AVX-512 and its bfloat16, called where the processor has them.
#include "models/kernels/simd/generic/table.h"
#include "models/kernels/simd/lanes_avx512_bf16.h"

namespace skipzoo::simd {

void use_avx512_bf16(Loops& table) {
  set_rows<float, Avx512Floats>(table);
  set_rows<rows::Bf16, Avx512Floats>(table);
  set_rows<double, Avx512Doubles>(table);
  set_accumulators<float, Avx512Floats>(table);
  set_accumulators<double, Avx512Doubles>(table);
  table.multiply_pairs = &multiply<Avx512GemmOfPairs>;
  table.interleave = &avx512_interleave;
}

}  // namespace skipzoo::simd
