#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>

namespace skipzoo {

/// Where a file that is to be written is.
struct OutputPlace {
  std::filesystem::path path;  ///< To be replaced: links are followed already.
  bool exists = false;         ///< As a regular file of this status.
  struct stat status {};
  int descriptor = -1;  ///< Open, of what is written to itself; -1: none.
};

/// Follows the links of `path`. What is no regular file is opened and stays as
/// it is: its content is not cut off; so for a descriptor of this process, by
/// /dev/stdout, /dev/fd/3 or /proc/self/fd/3, whatever that is open on. Throws
/// FileError where it is a folder or cannot be opened.
OutputPlace place_of(const std::filesystem::path& path);

/// A name beside `path` that nobody else uses, while it is written, and whether
/// a name is such a one.
std::filesystem::path beside(const std::filesystem::path& path,
                             uint32_t number);
bool is_beside(const std::filesystem::path& name,
               const std::filesystem::path& path);

}  // namespace skipzoo
