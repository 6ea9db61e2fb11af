#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/data/picture_kind.h"

namespace skipzoo {

/// The folder of pictures in many formats (make_picture_formats.py).
inline std::filesystem::path picture_formats() {
  return std::filesystem::path(SKIPZOO_GOLDENS) / "picture_formats";
}

/// The names of those pictures; PIL's pixels of each are in NAME.rgb.
inline std::vector<std::string> picture_format_names() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(picture_formats())) {
    if (entry.path().extension() != ".rgb") {
      names.push_back(entry.path().filename().string());
    }
  }
  std::ranges::sort(names);
  return names;
}

inline PictureKind kind_of(const std::string& bytes) {
  return picture_kind(
      {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace skipzoo
