#include "tools/weights/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/checked.h"
#include "tools/error.h"
#include "tools/memory.h"

namespace skipzoo {

namespace {

/// What stands under a name that is no ordinary file; null where it is one.
const char* other_than_file(mode_t mode) {
  if (S_ISREG(mode)) return nullptr;
  if (S_ISDIR(mode)) return "is a folder, expected a file";
  if (S_ISFIFO(mode)) {
    return "is a pipe, expected a file: weights are read at many places, so "
           "save it first";
  }
  return "is a device or socket, expected a file";
}

/// Whether next to nothing of a large file was ever written, as a download
/// leaves it that makes room first: reading its zeros would take minutes.
bool is_hollow(int file, uint64_t size) {
  constexpr uint64_t kLarge = 10'000'000'000;
  constexpr int kMostPieces = 10'000;
  if (size < kLarge) return false;
  uint64_t written = 0;
  off_t at = 0;
  for (int i = 0; i < kMostPieces && written < size / 100; ++i) {
    const off_t begin = ::lseek(file, at, SEEK_DATA);
    if (begin < 0) return errno == ENXIO;  // From here on it is one hole.
    at = ::lseek(file, begin, SEEK_HOLE);
    if (at < begin) return false;
    written += static_cast<uint64_t>(at - begin);
  }
  return written < size / 100;
}

}  // namespace

std::shared_ptr<const InputFile> InputFile::open(
    const std::filesystem::path& path) {
  // Without O_NONBLOCK, opening a pipe waits until another writes to it.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    throw FileError(path,
                    std::string("cannot be read: ") + std::strerror(errno));
  }
  struct stat status {};
  const int failed = ::fstat(file, &status);
  // From here on it closes the file.
  std::shared_ptr<const InputFile> opened(
      new InputFile(path, file, static_cast<uint64_t>(status.st_size)));
  if (failed != 0) throw FileError(path, "cannot be read");
  if (const char* what = other_than_file(status.st_mode)) {
    throw FileError(path, what);
  }
  if (opened->size() == 0) {
    throw FileError(path, "is empty; was the download cut short?");
  }
  if (is_hollow(file, opened->size())) {
    throw FileError(path,
                    "is sparse: nearly all of its " +
                        bytes_text(static_cast<double>(opened->size())) +
                        " was never written; was the download cut short?");
  }
  return opened;
}

InputFile::~InputFile() { ::close(file_); }

void InputFile::read(uint64_t offset, std::span<uint8_t> to) const {
  if (!lies_within(offset, uint64_t{to.size()}, size_)) {
    throw FileError(path_, "ends too early");
  }
  while (!to.empty()) {
    const ssize_t count =
        ::pread(file_, to.data(), to.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw FileError(path_,
                      std::string("cannot be read: ") + std::strerror(errno));
    }
    if (count == 0) {
      throw FileError(path_, "was truncated while it was read");
    }
    to = to.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
}

std::vector<uint8_t> InputFile::read(uint64_t offset, uint64_t size) const {
  if (!lies_within(offset, size, size_)) {
    throw FileError(path_, "ends too early");
  }
  require_memory(size);
  std::vector<uint8_t> bytes(static_cast<size_t>(size));
  read(offset, std::span<uint8_t>(bytes));
  return bytes;
}

}  // namespace skipzoo
