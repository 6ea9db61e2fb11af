#include "models/kernels/cuda/grids.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace skipzoo {

namespace {

/// Packs that a thread should have at least, where there are threads enough.
constexpr int64_t kLeastPacks = 4;

int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

cuda::PackLayout layout_of(int64_t elements, int64_t channels) {
  const int64_t lanes = std::lcm(channels, int64_t{cuda::kPack});
  return {elements / cuda::kPack, static_cast<int>(elements % cuda::kPack),
          static_cast<int>(channels), static_cast<int>(lanes / cuda::kPack)};
}

SumGrid sum_grid(const cuda::PackLayout& layout, int threads,
                 int64_t multiprocessors, int blocks_each) {
  // A power of two, so that the threads of a warp can add up among themselves.
  const auto across = std::bit_ceil(
      static_cast<unsigned>(std::min(layout.period, cuda::kMostAcross)));
  const unsigned down = static_cast<unsigned>(threads) / across;
  const int64_t columns = divided_up(layout.period, across);
  const int64_t rows = divided_up(layout.packs, layout.period);
  const int64_t most =
      std::max<int64_t>(blocks_each * multiprocessors / columns, 1);
  const int64_t parts =
      std::clamp<int64_t>(divided_up(rows, kLeastPacks * down), 1, most);
  return {across, down, static_cast<unsigned>(columns),
          static_cast<unsigned>(parts),
          static_cast<int>(parts) + (layout.tail > 0 ? 1 : 0)};
}

unsigned map_blocks(const cuda::PackLayout& layout, int64_t multiprocessors) {
  constexpr int64_t kBlocksEach = 8;  // Two waves and more.
  const int64_t wanted =
      divided_up(layout.packs, kLeastPacks * cuda::kMapThreads);
  const int64_t blocks =
      std::clamp<int64_t>(wanted, 1, kBlocksEach * multiprocessors);
  const int64_t multiple =
      layout.period / std::gcd(layout.period, cuda::kMapThreads);
  return static_cast<unsigned>(divided_up(blocks, multiple) * multiple);
}

}  // namespace skipzoo
