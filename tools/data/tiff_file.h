#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "tools/data/image.h"

struct tiff;  // libtiff's TIFF.

namespace skipzoo {

/// Bytes of a row, of a tile or of what libtiff takes for itself: as many as
/// the largest picture of 8 bits has.
constexpr int64_t kMostOfTiffAtOnce = 4 * kMostPixels;

/// What libtiff reads, and the first thing that it finds wrong.
struct TiffSource {
  std::span<const uint8_t> bytes;
  size_t at = 0;
  char error[256] = {};

  [[noreturn]] void refuse() const;  ///< By a std::runtime_error.
};

struct CloseTiff {
  void operator()(tiff* file) const;
};
using TiffFile = std::unique_ptr<tiff, CloseTiff>;

/// A TIFF in memory, at its first page; null where it is none. What libtiff has
/// to say stays in `source`, which is to outlive the file.
TiffFile open_tiff(TiffSource& source);

}  // namespace skipzoo
