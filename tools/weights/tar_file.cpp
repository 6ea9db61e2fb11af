#include "tools/weights/tar_file.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>

#include "tools/checked.h"

namespace skipzoo {

namespace {

constexpr uint64_t kBlock = 512;

/// A text field of a header: up to its size or a zero byte.
std::string_view field(std::span<const uint8_t> header, size_t at,
                       size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(header.data()) + at,
                              size);
  return text.substr(0, text.find('\0'));
}

/// Octal digits, or where the first bit is set a big-endian number (GNU).
uint64_t size_of_member(std::span<const uint8_t> header) {
  constexpr size_t kAt = 124, kSize = 12;
  uint64_t size = 0;
  if ((header[kAt] & 0x80) != 0) {
    for (size_t i = kAt + 1; i < kAt + kSize; ++i) {
      size = checked_add(checked_multiply(size, uint64_t{256}),
                         uint64_t{header[i]});
    }
    return size;
  }
  auto digits = field(header, kAt, kSize);
  digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
  std::from_chars(digits.data(), digits.data() + digits.size(), size, 8);
  return size;
}

}  // namespace

bool TarFile::begins(const InputFile& file) {
  if (file.size() < kBlock) return false;
  const auto header = file.read(0, kBlock);
  return field(header, 257, 5) == "ustar";
}

TarFile::TarFile(const std::shared_ptr<const InputFile>& file) {
  for (uint64_t at = 0; lies_within(at, kBlock, file->size());) {
    const auto header = file->read(at, kBlock);
    if (field(header, 257, 5) != "ustar") break;  // Blocks of zeros end it.
    const Member member{.offset = at + kBlock, .size = size_of_member(header)};
    if (!lies_within(member.offset, member.size, file->size())) {
      throw std::runtime_error(
          "a tar archive that ends too early; was the "
          "download cut short?");
    }
    const char type = static_cast<char>(header[156]);
    if (type == '0' || type == '\0') {
      std::string name(field(header, 0, 100));
      if (name.starts_with("./")) name.erase(0, 2);
      if (first_.empty()) first_ = name;
      members_.emplace(std::move(name), member);
    }
    at = member.offset + checked_add(member.size, kBlock - 1) / kBlock * kBlock;
  }
}

std::string TarFile::first_name() const {
  return first_.empty() ? "" : " with " + first_ + " in it";
}

}  // namespace skipzoo
