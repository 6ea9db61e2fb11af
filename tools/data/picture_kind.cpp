#include "tools/data/picture_kind.h"

#include <algorithm>
#include <string_view>

namespace skipzoo {

namespace {

std::string_view as_text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The bytes that a kind of file has at some place from its start.
struct Mark {
  size_t at;
  std::string_view bytes;
  const char* kind;
};

constexpr Mark kMarks[] = {
    {8, "WEBP", "a WebP"},
    {4, "ftyphe", "a HEIC"},
    {4, "ftypmif1", "a HEIC"},
    {4, "ftypmsf1", "a HEIC"},
    {4, "ftypavi", "an AVIF"},
    {0, "GIF8", "a GIF"},
    {0, "BM", "a BMP"},
    {0, std::string_view("II*\0", 4), "a TIFF or a camera's raw file"},
    {0, std::string_view("MM\0*", 4), "a TIFF or a camera's raw file"},
    {0, "\xFF\x0A", "a JPEG XL"},
    {4, "JXL ", "a JPEG XL"},
    {4, "jP  ", "a JPEG 2000"},
    {0, "8BPS", "a Photoshop file"},
    {0, "%PDF", "a PDF"},
    {0, "PK\x03\x04", "a zip archive"},
    {0, "version https://git-lfs", "a pointer of Git LFS, not the file itself"},
    {0, "<", "HTML or XML: is it a page saved in the picture's place?"},
    {0, std::string_view("\0\0\0\0\0\0\0\0", 8),
     "zeros: was its copy or download cut short?"},
};

}  // namespace

PictureKind picture_kind(std::span<const uint8_t> start) {
  const auto text = as_text(start);
  if (text.starts_with("\xFF\xD8\xFF")) return PictureKind::kJpeg;
  if (text.starts_with("\x89PNG\r\n\x1A\n")) return PictureKind::kPng;
  return PictureKind::kOther;
}

std::string words_for_other(std::span<const uint8_t> start) {
  const auto text = as_text(start);
  const auto mark = std::ranges::find_if(kMarks, [&](const Mark& one) {
    return text.size() >= one.at && text.substr(one.at).starts_with(one.bytes);
  });
  if (text.empty()) return "the file is empty";
  if (mark == std::end(kMarks)) return "neither a JPEG nor a PNG";
  const std::string words =
      std::string("neither a JPEG nor a PNG but ") + mark->kind;
  return words.ends_with('?') ? words : words + "; convert it to JPEG or PNG";
}

int exif_orientation(std::span<const uint8_t> tiff) {
  const auto text = as_text(tiff);
  const bool little = text.starts_with(std::string_view("II*\0", 4));
  if (!little && !text.starts_with(std::string_view("MM\0*", 4))) return 1;
  const auto number = [&](size_t at, size_t bytes) -> size_t {
    if (at > tiff.size() || tiff.size() - at < bytes) return 0;
    size_t value = 0;
    for (size_t i = 0; i < bytes; ++i) {
      value = value << 8 | tiff[at + (little ? bytes - 1 - i : i)];
    }
    return value;
  };
  constexpr size_t kOrientation = 0x0112, kEntry = 12, kLong = 4;
  const size_t directory = number(4, 4);
  const size_t entries = number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + kEntry * i;
    if (number(entry, 2) != kOrientation) continue;
    const size_t value =
        number(entry + 8, number(entry + 2, 2) == kLong ? 4 : 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace skipzoo
