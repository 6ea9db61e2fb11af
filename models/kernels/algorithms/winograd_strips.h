#pragma once

#include "models/kernels/algorithms/raster.h"
#include "models/kernels/algorithms/winograd.h"
#include "models/kernels/simd/tiles.h"

// What Winograd's forward and backward passes share: images in strips of tiles,
// and their transform to the Winograd domain. For their files alone.

namespace skipzoo {

using rows::Acc;

constexpr int64_t kTile = 4;  ///< Pixels of a result's tile, each way.

/// Rows of tiles that images are cut into.
struct Strips {
  Strips(int64_t pixels, const ImageSize& image)
      : size(image),
        tiles((size.width + kTile - 1) / kTile),
        per_image((size.height + kTile - 1) / kTile),
        count(pixels / (size.height * size.width) * per_image) {}

  /// All of its lines, of which the last may lie below the image.
  Band band(int64_t strip) const {
    return {strip / per_image * size.height * size.width,
            strip % per_image * kTile, kTile};
  }
  /// Those of them that are there.
  int64_t lines(const Band& band) const {
    return std::min(band.count, size.height - band.first);
  }
  /// What a raster of one is as wide as.
  int64_t width() const { return tiles * kTile; }

  ImageSize size;
  int64_t tiles;      ///< Of one.
  int64_t per_image;  ///< Strips.
  int64_t count;      ///< Of all images.
};

/// Matrices that begin at a later row of these.
template <typename A>
rows::WinogradMatrices<A> rows_from(const rows::WinogradMatrices<A>& all,
                                    int64_t row) {
  return {all.at(0, row, 0), all.matrix_stride, all.row_stride};
}

/// From one matrix to the next: not a power of two, whose multiples fall into
/// the same cache sets.
constexpr int64_t matrix_stride(int64_t rows, int64_t columns) {
  return rows * columns + gemm::kColumns;
}

template <typename T>
void transform_data(Raster<T>& raster, const Strips& strips,
                    const rows::WinogradMatrices<Acc<T>>& v) {
  const int64_t channels = raster.channels();
  rows::each_tile(
      rows::DataTiles<rows::Stored<T>>{
          {rows::stored(raster.at(-1, -1)), (strips.width() + 2) * channels,
           channels},
          v},
      strips.tiles, channels);
}

}  // namespace skipzoo
