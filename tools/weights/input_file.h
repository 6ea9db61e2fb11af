#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace skipzoo {

/// A file open for reading at any place in it. Not mapped: a file that another
/// process cuts short is an error here, where a mapping would end the process.
class InputFile {
 public:
  /// Throws FileError where it cannot be opened, is empty, a large hole, or no
  /// ordinary file: nothing waits for a pipe or device.
  static std::shared_ptr<const InputFile> open(
      const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// In bytes, when it was opened.
  uint64_t size() const { return size_; }
  /// Fills `to` with what stands from `offset` on. Throws FileError where the
  /// file ends before.
  void read(uint64_t offset, std::span<uint8_t> to) const;
  /// The same in memory of its own. Throws std::runtime_error where there is
  /// not as much.
  std::vector<uint8_t> read(uint64_t offset, uint64_t size) const;

 private:
  InputFile(const std::filesystem::path& path, int file, uint64_t size)
      : path_(path), file_(file), size_(size) {}

  std::filesystem::path path_;
  int file_;
  uint64_t size_;
};

}  // namespace skipzoo
