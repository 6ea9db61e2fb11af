#pragma once

#include <cstdint>
#include <span>

#include "tools/data/image.h"

namespace skipzoo {

// EXIF's orientation, 1 to 8: which corner of a stored picture is the upper
// left one of what was seen, and which way its rows run (Exif 2.32, tag
// 0x0112). 1: as stored.

/// The one that EXIF data name (a TIFF header and its first directory, with or
/// without "Exif\0\0" before them); 1 where they name none.
int exif_orientation(std::span<const uint8_t> exif);

/// Whether rows of the stored picture are columns of the upright one.
inline bool swaps_sides(int orientation) { return orientation >= 5; }

/// Where a part of the upright picture lies in the stored one, which is of that
/// height and width: turned() makes that part of what is stored there.
Window stored_window(const Window& upright, int orientation, int64_t height,
                     int64_t width);

/// A stored picture, or a part of one, turned upright: PIL's pixels of
/// ImageOps.exif_transpose().
Image turned(Image stored, int orientation);

}  // namespace skipzoo
