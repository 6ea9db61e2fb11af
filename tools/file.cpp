#include "tools/file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "tools/error.h"
#include "tools/memory.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

std::string last_error() { return std::strerror(errno); }

}  // namespace

std::vector<uint8_t> read_file(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    throw FileError(path, "is a folder, expected a file");
  }
  // Whoever opens a pipe waits for its other end.
  if (fs::exists(path, error) && !fs::is_regular_file(path, error)) {
    throw FileError(path, "is no ordinary file");
  }
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw FileError(path, "cannot be read: " + last_error());
  const auto size = static_cast<uint64_t>(file.tellg());
  if (size > available_memory()) {
    throw FileError(path, "has " + bytes_text(static_cast<double>(size)) +
                              ", more than the memory that is free");
  }
  std::vector<uint8_t> bytes(size);
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  if (!file) throw FileError(path, "cannot be read: " + last_error());
  return bytes;
}

void refuse_to_overwrite(const fs::path& from, const fs::path& to) {
  std::error_code ignored;
  if (fs::equivalent(from, to, ignored)) {
    throw FileError(to, "is the file to be read; give another name");
  }
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw FileError(path, "cannot be created: " + error.message());
  if (::access(path.c_str(), W_OK) != 0) {
    throw FileError(path, "cannot be written to: " + last_error());
  }
}

fs::path make_folder_of_its_own(const fs::path& path) {
  make_folder(path.parent_path());
  fs::path own = path;
  std::error_code error;
  for (int i = 2; !fs::create_directory(own, error) && !error; ++i) {
    own = path;
    own += "-" + std::to_string(i);
  }
  if (error) throw FileError(own, "cannot be created: " + error.message());
  return own;
}

}  // namespace skipzoo
