// What every processor runs, where nothing better is there.
#include "models/kernels/simd/generic/table.h"
#include "models/kernels/simd/lanes_plain.h"

namespace skipzoo::simd {

void use_plain(Loops& table) {
  set_rows<float, PlainFloats>(table);
  set_rows<rows::Bf16, PlainFloats>(table);
  set_rows<double, PlainDoubles>(table);
  set_accumulators<float, PlainFloats>(table);
  set_accumulators<double, PlainDoubles>(table);
  table.multiply = &multiply<PlainGemm<float>>;
  table.multiply_doubles = &multiply<PlainGemm<double>>;
  table.multiply_pairs = &multiply<PlainGemmOfPairs>;
  table.interleave = &interleave;
  set_grouped<PlainGrouped>(table);
}

}  // namespace skipzoo::simd
