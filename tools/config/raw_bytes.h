#pragma once

#include <string>
#include <string_view>

namespace skipzoo {

// A path may hold any bytes, YAML and JSON hold characters. A byte that is not
// of UTF-8 stands there as a private character, U+EF80 + (byte - 0x80), as
// MirBSD's OPTU-8 has it; such a character itself as its three bytes.

/// Valid UTF-8; what was so already is left as it is.
std::string to_utf8(std::string_view bytes);
/// The same of a text that may have been through to_utf8(): its private
/// characters stay.
std::string mended_utf8(std::string_view text);
/// The bytes that to_utf8() had.
std::string from_utf8(std::string_view text);

}  // namespace skipzoo
