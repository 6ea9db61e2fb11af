#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include "tools/data/image.h"

namespace skipzoo {

/// A picture as its file stores it.
struct StoredImage {
  /// 1 or 3 channels, or 4: CMYK as Adobe writes it, inverted.
  Image image;
  int orientation = 1;  ///< EXIF's number (orientation.h).
};

/// The part that is wanted of a stored picture, of that size and orientation;
/// all where it is empty.
using ChooseStored =
    std::function<Window(int64_t height, int64_t width, int orientation)>;

// The formats. All throw std::runtime_error where the bytes are damaged, and
// check_picture_size() before they take memory by what a file says.

/// The part that `choose` asks for.
StoredImage decode_jpeg(std::span<const uint8_t> bytes,
                        const ChooseStored& choose);
StoredImage decode_png(std::span<const uint8_t> bytes);
/// Windows' and OS/2's, of 1 to 32 bits a pixel, run-length encoded too.
StoredImage decode_bmp(std::span<const uint8_t> bytes);

// Only where the build has the library (is_read() in picture_kind.h).

/// The first frame, on the picture's canvas.
StoredImage decode_gif(std::span<const uint8_t> bytes);
/// The first page.
StoredImage decode_tiff(std::span<const uint8_t> bytes);
/// The first frame, on the picture's canvas.
StoredImage decode_webp(std::span<const uint8_t> bytes);

/// Throws std::runtime_error for a size that no photo has.
void check_picture_size(int64_t height, int64_t width);

/// Red, green and blue of each index; black, as in PIL, of those that a file
/// does not name.
using Palette = std::array<std::array<uint8_t, 3>, 256>;
/// The colours of a picture of indices, which has one channel.
Image coloured(const Image& indices, const Palette& palette);

}  // namespace skipzoo
