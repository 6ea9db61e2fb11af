#include "tools/weights/byte_reader.h"

#include <algorithm>
#include <stdexcept>

#include "tools/checked.h"

namespace skipzoo {

namespace {

constexpr uint64_t kBuffer = uint64_t{64} << 10;

[[noreturn]] void fail() {
  throw std::runtime_error("it ends too early; was the download cut short?");
}

}  // namespace

ByteReader::ByteReader(std::shared_ptr<const InputFile> file, uint64_t begin,
                       uint64_t end)
    : file_(std::move(file)),
      begin_(begin),
      end_(checked_subtract(std::min(end, file_->size()), begin)) {}

void ByteReader::refill() {
  const uint64_t begin = position();
  const uint64_t size = std::min(kBuffer, end_ - begin);
  if (!file_ || size == 0) fail();
  buffer_.resize(static_cast<size_t>(size));
  file_->read(begin_ + begin, buffer_);
  window_ = buffer_;
  window_begin_ = begin;
  at_ = 0;
}

uint64_t ByteReader::number(size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= uint64_t{byte()} << (8 * i);
  return value;
}

std::string ByteReader::text(uint64_t size) {
  if (size > left()) fail();
  std::string text;
  text.reserve(static_cast<size_t>(size));
  while (text.size() < size) {
    if (at_ == window_.size()) refill();
    const size_t count =
        std::min(static_cast<size_t>(size) - text.size(), window_.size() - at_);
    text.append(reinterpret_cast<const char*>(window_.data()) + at_, count);
    at_ += count;
  }
  return text;
}

void ByteReader::skip(uint64_t size) {
  if (size > left()) fail();
  if (size <= window_.size() - at_) {
    at_ += static_cast<size_t>(size);
    return;
  }
  // Only a file has more than its window; the next byte fills it again.
  window_begin_ = position() + size;
  window_ = {};
  at_ = 0;
}

}  // namespace skipzoo
