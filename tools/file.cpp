#include "tools/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

std::string last_error() { return std::strerror(errno); }

/// Returns once what was written to a file, or to a folder's list of names, is
/// on the disk.
void flush_to_disk(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw FileError(path, "cannot be opened: " + last_error());
  const int failed = ::fsync(file);
  ::close(file);
  // Some file systems refuse to flush a folder; the rename is atomic even so.
  if (failed != 0 && !fs::is_directory(path)) {
    throw FileError(path, "cannot be written: " + last_error());
  }
}

}  // namespace

std::vector<uint8_t> read_file(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    throw FileError(path, "is a folder, expected a file");
  }
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw FileError(path, "cannot be read: " + last_error());
  std::vector<uint8_t> bytes(static_cast<size_t>(file.tellg()));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  if (!file) throw FileError(path, "cannot be read: " + last_error());
  return bytes;
}

void write_whole(const fs::path& given,
                 const std::function<void(const fs::path&)>& write) {
  std::error_code unknown;
  const fs::path path =
      fs::is_symlink(given, unknown) ? fs::weakly_canonical(given) : given;
  if (fs::is_directory(path)) {
    throw FileError(path, "is a folder, expected the name of a file");
  }
  if (fs::exists(path) && !fs::is_regular_file(path)) return write(path);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!fs::is_directory(folder)) {
    throw FileError(path,
                    "cannot be written: there is no folder " + folder.string());
  }
  fs::path beside = path;
  beside += ".tmp";
  try {
    write(beside);
    flush_to_disk(beside);
    std::error_code error;
    fs::rename(beside, path, error);
    if (error) throw FileError(path, "cannot be replaced: " + error.message());
  } catch (...) {
    std::error_code ignored;
    fs::remove(beside, ignored);
    throw;
  }
  flush_to_disk(folder);
}

void refuse_to_overwrite(const fs::path& from, const fs::path& to) {
  std::error_code ignored;
  if (fs::equivalent(from, to, ignored)) {
    throw FileError(to, "is the file to be read; give another name");
  }
}

void write_whole(const fs::path& path, std::string_view text) {
  write_whole(path, [&](const fs::path& beside) {
    std::ofstream file(beside, std::ios::binary);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.close();
    if (!file) throw FileError(path, "cannot be written: " + last_error());
  });
}

void append_line(const fs::path& path, std::string_view line) {
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file << line << '\n';
  file.close();
  if (!file) throw FileError(path, "cannot be written: " + last_error());
  flush_to_disk(path);
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
