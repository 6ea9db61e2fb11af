// What stands in the table of an instruction set.

#include "tests/simd/support.h"

namespace skipzoo::simd {
namespace {

// Else everything would still be right, and slow.
TEST(LoopsTable, OfAnInstructionSetHasItsOwn) {
  const Loops plain = loops_of(Isa::kPlain);
  for (const Isa isa : isas_here()) {
    if (isa == Isa::kPlain) continue;
    SCOPED_TRACE(name_of(isa));
    const Loops table = loops_of(isa);
    EXPECT_NE(table.multiply, plain.multiply);
    EXPECT_NE(table.multiply_pairs, plain.multiply_pairs);
    EXPECT_NE(static_cast<const Each<rows::Copy<float>>&>(table).each,
              static_cast<const Each<rows::Copy<float>>&>(plain).each);
  }
}

TEST(LoopsTable, OfAGreaterInstructionSetIsAnother) {
  if (!has(Isa::kAvx512)) GTEST_SKIP() << "this processor has no AVX-512";
  EXPECT_NE(loops_of(Isa::kAvx512).multiply, loops_of(Isa::kAvx2).multiply);
  if (!has(Isa::kAvx512Bf16)) return;
  EXPECT_NE(loops_of(Isa::kAvx512Bf16).multiply_pairs,
            loops_of(Isa::kAvx512).multiply_pairs);
}

}  // namespace
}  // namespace skipzoo::simd
