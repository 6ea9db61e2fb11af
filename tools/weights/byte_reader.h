#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tools/weights/input_file.h"

namespace skipzoo {

/// Bytes from front to back: of memory, or of a part of a file, which comes in
/// a buffer at a time. Everything throws std::runtime_error where the bytes end
/// too early.
class ByteReader {
 public:
  /// bytes: outlive the reader.
  explicit ByteReader(std::span<const uint8_t> bytes)
      : window_(bytes), end_(bytes.size()) {}
  /// The bytes of `file` in [begin, end).
  ByteReader(std::shared_ptr<const InputFile> file, uint64_t begin,
             uint64_t end);

  /// Bytes read so far.
  uint64_t position() const { return window_begin_ + at_; }
  uint64_t left() const { return end_ - position(); }
  uint8_t byte() {
    if (at_ == window_.size()) refill();
    return window_[at_++];
  }
  /// A little-endian number of so many bytes, at most 8.
  uint64_t number(size_t bytes);
  std::string text(uint64_t size);
  void skip(uint64_t size);

 private:
  void refill();

  std::shared_ptr<const InputFile> file_;
  uint64_t begin_ = 0;  ///< Of the part in the file.
  std::vector<uint8_t> buffer_;
  std::span<const uint8_t> window_;
  uint64_t window_begin_ = 0;
  size_t at_ = 0;  ///< In the window.
  uint64_t end_ = 0;
};

}  // namespace skipzoo
