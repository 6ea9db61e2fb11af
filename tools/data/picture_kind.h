#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace skipzoo {

enum class PictureKind { kJpeg, kPng, kWebp, kTiff, kGif, kBmp, kOther };

/// By the first bytes of a file; 16 are enough.
PictureKind picture_kind(std::span<const uint8_t> start);

/// "JPEG", "PNG" …; "other".
std::string name_of_kind(PictureKind kind);

/// Whether this build reads pictures of that kind: JPEG, PNG and BMP always,
/// the others where it was made with their library.
bool is_read(PictureKind kind);
/// E.g. "JPEG, PNG, WebP, TIFF, GIF and BMP"; last: "and" or "or".
std::string kinds_read(const std::string& last = "and");

/// Why a file is not read, for a message: what it seems to be instead ("no
/// JPEG, PNG or BMP but a HEIC; …"), or which library this build lacks.
std::string words_for_other(std::span<const uint8_t> start);

}  // namespace skipzoo
