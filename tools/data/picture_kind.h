#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace skipzoo {

enum class PictureKind { kJpeg, kPng, kOther };

/// By the first bytes of a file; 16 are enough.
PictureKind picture_kind(std::span<const uint8_t> start);

/// What a file that is neither a JPEG nor a PNG seems to be, for a message:
/// "neither a JPEG nor a PNG but a WebP; …".
std::string words_for_other(std::span<const uint8_t> start);

/// The orientation, 1 to 8, that EXIF data name (a TIFF header and its first
/// directory, tag 0x0112); 1 where they name none.
int exif_orientation(std::span<const uint8_t> tiff);

}  // namespace skipzoo
