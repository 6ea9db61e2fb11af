#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace skipzoo {

/// A file as memory, read-only: pages come in as they are looked at.
class MappedFile {
 public:
  /// Throws FileError.
  static std::shared_ptr<const MappedFile> open(
      const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  /// Copies a part of it, and lets go of the pages behind: the copy takes their
  /// place in memory, not twice.
  void copy_out(const uint8_t* from, size_t size, void* to) const;

 private:
  MappedFile(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  const uint8_t* data_;
  size_t size_;
};

}  // namespace skipzoo
