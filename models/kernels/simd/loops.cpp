#include "models/kernels/simd/loops.h"

#include "models/kernels/simd/processor.h"

namespace skipzoo::simd {

// Which files there are, the build says: cmake/SimdLoops.cmake.
Loops loops_of([[maybe_unused]] Isa isa) {
  Loops table;
  use_plain(table);
#ifdef SKIPZOO_LOOPS_NEON
  if (isa == Isa::kNeon) use_neon(table);
#endif
#ifdef SKIPZOO_LOOPS_AVX2
  if (isa >= Isa::kAvx2) use_avx2(table);
#endif
#ifdef SKIPZOO_LOOPS_AVX512
  if (isa >= Isa::kAvx512) use_avx512(table);
#endif
#ifdef SKIPZOO_LOOPS_AVX512_BF16
  if (isa >= Isa::kAvx512Bf16) use_avx512_bf16(table);
#endif
  return table;
}

const Loops& loops() {
  static const Loops chosen = loops_of(isa());
  return chosen;
}

}  // namespace skipzoo::simd
