#pragma once

#include <cstdint>

#include "models/kernels/simd/processor.h"

// What this processor's vectors do at best, in one thread.

namespace skipzoo {

/// Multiply-adds of floats by an instruction set, in registers alone: `rounds`
/// times so many as this returns.
int64_t multiply_adds(Isa isa, int64_t rounds);

}  // namespace skipzoo
