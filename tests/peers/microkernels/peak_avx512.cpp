#include "tests/peers/microkernels/peak_rounds.h"

namespace skipzoo {

int64_t multiply_adds_avx512(int64_t rounds, float* sink) {
  return multiply_add_rounds<16>(rounds, sink);
}

}  // namespace skipzoo
