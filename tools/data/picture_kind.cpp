#include "tools/data/picture_kind.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace skipzoo {

namespace {

#ifdef SKIPZOO_WEBP
constexpr bool kHasWebp = true;
#else
constexpr bool kHasWebp = false;
#endif
#ifdef SKIPZOO_TIFF
constexpr bool kHasTiff = true;
#else
constexpr bool kHasTiff = false;
#endif
#ifdef SKIPZOO_GIF
constexpr bool kHasGif = true;
#else
constexpr bool kHasGif = false;
#endif

struct KindOfPicture {
  PictureKind kind;
  const char* name;
  bool is_read;
  const char* library;  ///< What reads it, and Debian's package.
  const char* package;
};

constexpr KindOfPicture kKindsOfPictures[] = {
    {PictureKind::kJpeg, "JPEG", true, "", ""},
    {PictureKind::kPng, "PNG", true, "", ""},
    {PictureKind::kWebp, "WebP", kHasWebp, "libwebp", "libwebp-dev"},
    {PictureKind::kTiff, "TIFF", kHasTiff, "libtiff", "libtiff-dev"},
    {PictureKind::kGif, "GIF", kHasGif, "giflib", "libgif-dev"},
    {PictureKind::kBmp, "BMP", true, "", ""}};

std::string_view as_text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The bytes that a kind of file has at some place from its start.
struct Mark {
  size_t at;
  std::string_view bytes;
  const char* kind;
};

/// Of what is not read. Those that end in a question are not to be converted.
constexpr Mark kMarks[] = {
    {4, "ftyphe", "a HEIC"},
    {4, "ftypmif1", "a HEIC"},
    {4, "ftypmsf1", "a HEIC"},
    {4, "ftypavi", "an AVIF"},
    {8, "CR\2", "a camera's raw file"},
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

bool has_mark(std::string_view text, size_t at, std::string_view bytes) {
  return text.size() >= at && text.substr(at).starts_with(bytes);
}

bool is_tiff(std::string_view text) {
  // Canon's raw files are TIFFs whose first page is a thumbnail.
  if (has_mark(text, 8, "CR\2")) return false;
  for (const char version : {'*', '+'}) {  // Of 32 and of 64 bits.
    if (text.starts_with(std::string{'I', 'I', version, '\0'}) ||
        text.starts_with(std::string{'M', 'M', '\0', version})) {
      return true;
    }
  }
  return false;
}

}  // namespace

PictureKind picture_kind(std::span<const uint8_t> start) {
  const auto text = as_text(start);
  if (text.starts_with("\xFF\xD8\xFF")) return PictureKind::kJpeg;
  if (text.starts_with("\x89PNG\r\n\x1A\n")) return PictureKind::kPng;
  if (text.starts_with("RIFF") && has_mark(text, 8, "WEBP")) {
    return PictureKind::kWebp;
  }
  if (is_tiff(text)) return PictureKind::kTiff;
  if (text.starts_with("GIF87a") || text.starts_with("GIF89a")) {
    return PictureKind::kGif;
  }
  if (text.starts_with("BM")) return PictureKind::kBmp;
  return PictureKind::kOther;
}

std::string name_of_kind(PictureKind kind) {
  const auto found =
      std::ranges::find(kKindsOfPictures, kind, &KindOfPicture::kind);
  return found != std::end(kKindsOfPictures) ? found->name : "other";
}

bool is_read(PictureKind kind) {
  const auto found =
      std::ranges::find(kKindsOfPictures, kind, &KindOfPicture::kind);
  return found != std::end(kKindsOfPictures) && found->is_read;
}

std::string kinds_read(const std::string& last) {
  std::vector<std::string> names;
  for (const auto& one : kKindsOfPictures) {
    if (one.is_read) names.push_back(one.name);
  }
  std::string text = names.front();
  for (size_t i = 1; i < names.size(); ++i) {
    text += (i + 1 < names.size() ? ", " : " " + last + " ") + names[i];
  }
  return text;
}

std::string words_for_other(std::span<const uint8_t> start) {
  const auto text = as_text(start);
  if (text.empty()) return "the file is empty";
  const auto kind = picture_kind(start);
  const auto lacks =
      std::ranges::find(kKindsOfPictures, kind, &KindOfPicture::kind);
  if (lacks != std::end(kKindsOfPictures)) {
    return std::string("a ") + lacks->name +
           ", and this build of skipzoo was made without " + lacks->library +
           "; install it (in Debian: " + lacks->package +
           ") and build again, or convert the picture to JPEG or PNG";
  }
  const auto mark = std::ranges::find_if(kMarks, [&](const Mark& one) {
    return has_mark(text, one.at, one.bytes);
  });
  const auto none = "no " + kinds_read("or");
  if (mark == std::end(kMarks)) return none;
  const std::string words = none + " but " + mark->kind;
  return words.ends_with('?') ? words : words + "; convert it to JPEG or PNG";
}

}  // namespace skipzoo
