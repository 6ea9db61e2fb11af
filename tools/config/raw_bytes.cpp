#include "tools/config/raw_bytes.h"

#include <cstdint>

#include "tools/utf8.h"

namespace skipzoo {

namespace {

uint8_t at(std::string_view text, size_t i) {
  return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0};
}

/// Whether the character at the front stands for a byte: U+EF80 to U+EFFF.
bool stands_for_byte(std::string_view text) {
  return at(text, 0) == 0xee && (at(text, 1) & 0xfe) == 0xbe &&
         (at(text, 2) & 0xc0) == 0x80;
}

std::string encoded(std::string_view bytes, bool keeps_private) {
  std::string text;
  while (!bytes.empty()) {
    std::string_view rest = bytes;
    const bool keeps = keeps_private || !stands_for_byte(bytes);
    if (keeps && next_code_point(rest)) {
      text += bytes.substr(0, bytes.size() - rest.size());
    } else {
      const uint8_t byte = at(bytes, 0);
      text += '\xee';
      text += static_cast<char>(0xbe | (byte >> 6 & 1));
      text += static_cast<char>(0x80 | (byte & 0x3f));
      rest = bytes.substr(1);
    }
    bytes = rest;
  }
  return text;
}

}  // namespace

std::string to_utf8(std::string_view bytes) { return encoded(bytes, false); }

std::string mended_utf8(std::string_view text) { return encoded(text, true); }

std::string from_utf8(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const bool is_byte = stands_for_byte(text);
    bytes += is_byte ? static_cast<char>(0x80 | (at(text, 1) & 1) << 6 |
                                         (at(text, 2) & 0x3f))
                     : text.front();
    text.remove_prefix(is_byte ? 3 : 1);
  }
  return bytes;
}

}  // namespace skipzoo
