// Compiled with AVX-512's foundation, called where the processor has it. Rows
// stay AVX2's: those of AVX-512 were measured on processors with its bfloat16.
#include "models/kernels/simd/generic/table.h"
#include "models/kernels/simd/lanes_avx512.h"

namespace skipzoo::simd {

void use_avx512(Loops& table) { table.multiply = &multiply<Avx512Gemm>; }

}  // namespace skipzoo::simd
