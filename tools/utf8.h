#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace skipzoo {

// RFC 3629: no surrogates, nothing longer than need be.

/// The first code point of a text that is not empty, which loses it; nothing,
/// and the text as it was, where none begins there.
std::optional<char32_t> next_code_point(std::string_view& text);

/// The first byte that is no part of UTF-8, or npos.
size_t first_not_utf8(std::string_view text);

inline bool is_utf8(std::string_view text) {
  return first_not_utf8(text) == std::string_view::npos;
}

}  // namespace skipzoo
