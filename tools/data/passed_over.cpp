#include "tools/data/passed_over.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/data/picture_kind.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

std::string ending(const fs::path& path) {
  std::string text = path.extension().string();
  for (char& c : text) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

struct Ending {
  std::string_view text;
  PictureKind kind;
};

constexpr Ending kEndings[] = {
    {".jpg", PictureKind::kJpeg},   {".jpeg", PictureKind::kJpeg},
    {".jpe", PictureKind::kJpeg},   {".jfif", PictureKind::kJpeg},
    {".jif", PictureKind::kJpeg},   {".jfi", PictureKind::kJpeg},
    {".pjpeg", PictureKind::kJpeg}, {".pjp", PictureKind::kJpeg},
    {".png", PictureKind::kPng},    {".apng", PictureKind::kPng},
    {".webp", PictureKind::kWebp},  {".tif", PictureKind::kTiff},
    {".tiff", PictureKind::kTiff},  {".gif", PictureKind::kGif},
    {".bmp", PictureKind::kBmp}};

/// What a file is by the end of its name.
PictureKind kind_by_name(const fs::path& path) {
  const auto found = std::ranges::find(kEndings, ending(path), &Ending::text);
  return found == std::end(kEndings) ? PictureKind::kOther : found->kind;
}

std::string count(int64_t number, const char* one, const char* many) {
  return std::to_string(number) + (number == 1 ? one : many);
}

}  // namespace

bool is_picture(const fs::path& path) { return is_read(kind_by_name(path)); }

bool is_other_picture(const fs::path& path) {
  static constexpr std::string_view kOthers[] = {
      ".heic", ".heif", ".avif", ".dib", ".jxl", ".jp2", ".j2k", ".jpx", ".jxr",
      ".mpo",  ".jps",  ".ppm",  ".pgm", ".pbm", ".pnm", ".tga", ".ico", ".psd",
      ".svg",  ".dng",  ".cr2",  ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf",
      ".raw",  ".pcx",  ".exr",  ".hdr", ".xcf", ".dcm", ".emf", ".wmf"};
  const auto kind = kind_by_name(path);
  if (kind != PictureKind::kOther) return !is_read(kind);
  return std::ranges::find(kOthers, ending(path)) != std::end(kOthers);
}

void PassedOver::add_file(const fs::path& path) {
  ++files[ending(path)];
  if (is_picture(path) || is_other_picture(path)) ++pictures;
}

void PassedOver::add(const PassedOver& more) {
  for (const auto& [kind, number] : more.files) files[kind] += number;
  pictures += more.pictures;
  beside_classes += more.beside_classes;
  links += more.links;
  broken += more.broken;
}

std::string PassedOver::text() const {
  std::vector<std::pair<std::string, int64_t>> kinds(files.begin(),
                                                     files.end());
  std::ranges::stable_sort(kinds, std::greater(),
                           &std::pair<std::string, int64_t>::second);
  constexpr size_t kMost = 10;  // DICOM's numbers end otherwise in each file.
  std::string text;
  int64_t others = 0;
  for (size_t i = 0; i < kinds.size(); ++i) {
    const auto& [kind, number] = kinds[i];
    if (i >= kMost) {
      others += number;
      continue;
    }
    text += (text.empty() ? "" : ", ") + std::to_string(number) + " " +
            (kind.empty() ? "without an ending" : kind);
  }
  if (others > 0) text += " and " + std::to_string(others) + " more";
  const auto add = [&](int64_t number, const char* one, const char* many) {
    if (number == 0) return;
    text += (text.empty() ? "" : "; ") + count(number, one, many);
  };
  add(beside_classes, " picture beside the class folders",
      " pictures beside the class folders");
  add(links, " link to a folder", " links to folders");
  add(broken, " link or folder that cannot be looked into",
      " links or folders that cannot be looked into");
  return text;
}

}  // namespace skipzoo
