#pragma once

#include <cstdint>

#include "models/kernels/simd/elements.h"
#include "models/kernels/simd/gemm.h"
#include "models/kernels/simd/grouped_tiles.h"
#include "models/kernels/simd/winograd_kernel_elements.h"

// The table of all loops that work on vectors: a pointer for each. An
// instruction set has a file, loops_NAME.cpp, that overwrites the entries which
// it improves on; the sets before it have filled the table.

namespace skipzoo {

enum class Isa;  // processor.h

namespace simd {

/// Calls element(row, c) for all, in any order.
template <typename Element>
struct Each {
  void (*each)(const Element&, int64_t count, int64_t channels) = nullptr;
};
/// first += Σ element(row, c).first over the rows, and second likewise.
template <typename Element>
struct Sum {
  void (*sum)(const Element&, int64_t count, int64_t channels,
              typename Element::Sum* first,
              typename Element::Sum* second) = nullptr;
};
/// As Each, of channels that are a multiple of kTileLanes.
template <typename Element>
struct EachTile {
  void (*each_tile)(const Element&, int64_t rows, int64_t channels) = nullptr;
};

/// An entry for every element of a list.
template <template <typename> class Entry, typename List>
struct Entries;
template <template <typename> class Entry, typename... Element>
struct Entries<Entry, rows::Elements<Element...>> : Entry<Element>... {};

/// Loops of rows.h, on data of one type.
template <typename T>
struct RowLoops : Entries<Each, rows::EachElements<T>>,
                  Entries<Sum, rows::SumElements<T>> {};
/// Winograd's transforms of tiles.h, on data of one type.
template <typename T>
struct DataTileLoops : Entries<EachTile, rows::DataTileElements<T>> {};
/// The same, of one accumulation type.
template <typename A>
struct AccumulatorTileLoops
    : Entries<EachTile, rows::AccumulatorTileElements<A>> {};

/// See gemm.h.
struct GemmLoops {
  void (*multiply)(gemm::Left<float>, const float*, int64_t rows,
                   int64_t columns, int64_t depth, float* c,
                   bool add) = nullptr;
  void (*multiply_doubles)(gemm::Left<double>, const double*, int64_t rows,
                           int64_t columns, int64_t depth, double* c,
                           bool add) = nullptr;
  void (*multiply_pairs)(gemm::Left<uint32_t>, const uint32_t*, int64_t rows,
                         int64_t columns, int64_t depth, float* c,
                         bool add) = nullptr;
  void (*interleave)(const rows::Bf16*, int64_t pairs, int64_t channels,
                     uint32_t* to) = nullptr;
};

/// See grouped_tiles.h.
struct GroupedLoops {
  void (*split)(const grouped::Interleaved&) = nullptr;
  void (*convolve)(const grouped::Row&, bool narrow) = nullptr;
  void (*weight_sums)(const grouped::Pixels&, float* sums) = nullptr;
  void (*narrow_weight_sums)(const grouped::Pixels&, float* sums) = nullptr;
};

struct Loops : RowLoops<float>,
               RowLoops<double>,
               RowLoops<rows::Bf16>,
               DataTileLoops<float>,
               DataTileLoops<double>,
               DataTileLoops<rows::Bf16>,
               AccumulatorTileLoops<float>,
               AccumulatorTileLoops<double>,
               GemmLoops,
               GroupedLoops {};

/// Those of an instruction set that this processor has.
Loops loops_of(Isa isa);
/// Those of isa().
const Loops& loops();

// An instruction set's file each, in the order in which they build on each
// other. They run on that instruction set alone.
void use_plain(Loops& table);
void use_neon(Loops& table);
void use_avx2(Loops& table);
void use_avx512(Loops& table);
void use_avx512_bf16(Loops& table);

}  // namespace simd

}  // namespace skipzoo
