#include "tools/weights/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/error.h"

namespace skipzoo {

std::shared_ptr<const MappedFile> MappedFile::open(
    const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    throw FileError(path,
                    std::string("cannot be read: ") + std::strerror(errno));
  }
  struct stat status {};
  const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  const auto size = regular ? static_cast<size_t>(status.st_size) : 0;
  void* data = nullptr;
  if (size > 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  }
  ::close(file);
  if (!regular) throw FileError(path, "is not a file");
  if (size == 0) throw FileError(path, "is empty; was the download cut short?");
  if (data == MAP_FAILED) {
    throw FileError(path,
                    std::string("cannot be mapped: ") + std::strerror(errno));
  }
  return std::shared_ptr<const MappedFile>(
      new MappedFile(static_cast<const uint8_t*>(data), size));
}

MappedFile::~MappedFile() { ::munmap(const_cast<uint8_t*>(data_), size_); }

void MappedFile::copy_out(const uint8_t* from, size_t size, void* to) const {
  constexpr size_t kPiece = size_t{16} << 20;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  for (size_t done = 0; done < size; done += kPiece) {
    const size_t count = std::min(kPiece, size - done);
    std::memcpy(static_cast<uint8_t*>(to) + done, from + done, count);
    // From a page's start; what is wanted again comes in again.
    const auto offset = static_cast<size_t>(from - data_) + done;
    const size_t start = offset / page * page;
    ::madvise(const_cast<uint8_t*>(data_) + start, offset + count - start,
              MADV_DONTNEED);
  }
}

}  // namespace skipzoo
