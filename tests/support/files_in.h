#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tests/support/temporary_folder.h"

namespace skipzoo {

/// Every path below a folder, with its content where it is a file.
inline std::map<std::string, std::string> files_in(
    const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder)) {
    files[entry.path().string()] =
        entry.is_regular_file() ? read_text(entry.path()) : "";
  }
  return files;
}

}  // namespace skipzoo
