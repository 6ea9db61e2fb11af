// For 64-bit ARM, every one of which has NEON.
#include "models/kernels/simd/generic/table.h"
#include "models/kernels/simd/lanes_neon.h"

namespace skipzoo::simd {

void use_neon(Loops& table) {
  set_rows<float, NeonFloats>(table);
  set_rows<rows::Bf16, NeonFloats>(table);
  set_accumulators<float, NeonFloats>(table);
  table.multiply = &multiply<NeonGemm>;
  table.multiply_pairs = &multiply<NeonGemmOfPairs>;
  set_grouped<NeonGrouped>(table);
}

}  // namespace skipzoo::simd
