#include "tools/data/data_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

}  // namespace

// Opened without blocking, for a pipe would wait for its other end.
DataFile::DataFile(const fs::path& path)
    : path_(path),
      descriptor_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  struct stat status {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) {
    const std::string why = std::strerror(errno);
    if (descriptor_ >= 0) ::close(descriptor_);
    throw FileError(path, "cannot be read: " + why);
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    throw FileError(path, std::string("is ") + kind_of(status.st_mode) +
                              ", expected a file");
  }
  size_ = status.st_size;
}

DataFile::~DataFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

size_t DataFile::read(std::span<uint8_t> out) {
  size_t done = 0;
  while (done < out.size()) {
    const auto count =
        ::read(descriptor_, out.data() + done, out.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw FileError(path_,
                      std::string("cannot be read: ") + std::strerror(errno));
    }
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

int DataFile::release() {
  const int descriptor = descriptor_;
  descriptor_ = -1;
  return descriptor;
}

std::vector<uint8_t> read_data_file(const fs::path& path, int64_t most) {
  DataFile file(path);
  if (file.size() > most) {
    throw FileError(path, std::to_string(file.size()) +
                              " bytes, expected at most " +
                              std::to_string(most));
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(file.size()));
  bytes.resize(file.read(bytes));
  return bytes;
}

}  // namespace skipzoo
