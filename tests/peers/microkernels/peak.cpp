#include "tests/peers/microkernels/peak.h"

namespace skipzoo {

int64_t multiply_adds_plain(int64_t rounds, float* sink);
int64_t multiply_adds_avx2(int64_t rounds, float* sink);
int64_t multiply_adds_avx512(int64_t rounds, float* sink);

int64_t multiply_adds([[maybe_unused]] Isa isa, int64_t rounds) {
  [[maybe_unused]] static volatile float sink;
  float sum = 0;
  int64_t count = 0;
#ifdef SKIPZOO_LOOPS_AVX512
  if (isa >= Isa::kAvx512) count = multiply_adds_avx512(rounds, &sum);
#endif
#ifdef SKIPZOO_LOOPS_AVX2
  if (isa == Isa::kAvx2) count = multiply_adds_avx2(rounds, &sum);
#endif
  if (count == 0) count = multiply_adds_plain(rounds, &sum);
  sink = sum;
  return count * rounds;
}

}  // namespace skipzoo
