#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace skipzoo {

/// A file of pictures, open for reading. Throws FileError where it cannot be
/// opened or is no ordinary file; a pipe is not waited for.
class DataFile {
 public:
  explicit DataFile(const std::filesystem::path& path);
  ~DataFile();
  DataFile(const DataFile&) = delete;
  DataFile& operator=(const DataFile&) = delete;

  int64_t size() const { return size_; }
  /// Fills `out` from where the last read ended, less at the end of the file;
  /// how many bytes. Throws FileError.
  size_t read(std::span<uint8_t> out);
  /// The descriptor, which is then the caller's to close.
  int release();

 private:
  std::filesystem::path path_;
  int descriptor_;
  int64_t size_ = 0;
};

/// A whole file of at most `most` bytes. Throws FileError.
std::vector<uint8_t> read_data_file(const std::filesystem::path& path,
                                    int64_t most);

}  // namespace skipzoo
