#pragma once

#include <cstdint>

#include "models/kernels/cuda/packs.h"

// How many threads share a tensor's packs. A GPU's memory is at its full rate
// where each multiprocessor waits for some 20 KB at a time: 512 threads that
// have each asked for two to four packs of 16 bytes are twice that.

namespace skipzoo {

/// Of a channels-last tensor of so many elements.
cuda::PackLayout layout_of(int64_t elements, int64_t channels);

/// Blocks that sum over pixels: columns of them across a period, `parts` that
/// share its repetitions.
struct SumGrid {
  unsigned across, down;  ///< Threads of a block.
  unsigned columns, parts;
  int slots;  ///< Parts, and one for a tail.
};
/// As many blocks on each multiprocessor as registers allow, in one wave: what
/// each leaves has to be added up. Of small tensors fewer, so that a thread has
/// packs enough to ask for together.
SumGrid sum_grid(const cuda::PackLayout& layout, int threads,
                 int64_t multiprocessors, int blocks_each = cuda::kSumBlocks);

/// Blocks of kMapThreads that take pack by pack: so many that a thread's packs
/// are of the same channels, whose numbers it reads once.
unsigned map_blocks(const cuda::PackLayout& layout, int64_t multiprocessors);

}  // namespace skipzoo
