#include "tools/data/text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "tools/utf8.h"

namespace skipzoo {

namespace {

void append_utf8(std::string& out, char32_t code) {
  const auto add = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | code >> 6);
    add(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  } else {
    add(0xF0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  }
}

std::string from_utf16(std::string_view bytes, bool big_endian) {
  std::string out;
  const auto unit = [&](size_t at) -> char32_t {
    const auto a = static_cast<unsigned char>(bytes[at]);
    const auto b = static_cast<unsigned char>(bytes[at + 1]);
    return big_endian ? a << 8 | b : b << 8 | a;
  };
  for (size_t at = 0; at + 1 < bytes.size(); at += 2) {
    char32_t code = unit(at);
    if (code >= 0xD800 && code < 0xE000) {
      const bool pair = code < 0xDC00 && at + 3 < bytes.size() &&
                        unit(at + 2) >= 0xDC00 && unit(at + 2) < 0xE000;
      code = pair ? 0x10000 + ((code - 0xD800) << 10) + unit(at + 2) - 0xDC00
                  : U'\uFFFD';
      at += pair ? 2 : 0;
    }
    append_utf8(out, code);
  }
  return out;
}

/// Accents and vowel signs that follow their letter, and what follows the first
/// part of a Hangul syllable: all that Unicode's composition joins.
bool joins_the_one_before(char32_t code) {
  constexpr char32_t kRanges[][2] = {
      {0x300, 0x36F},   {0x5B0, 0x5C7},   {0x653, 0x655},   {0x93C, 0x93C},
      {0x9BC, 0x9D7},   {0xA3C, 0xA3C},   {0xB3C, 0xB57},   {0xBBE, 0xBD7},
      {0xC56, 0xC56},   {0xCC2, 0xCD6},   {0xD3E, 0xD57},   {0xDCA, 0xDDF},
      {0x1160, 0x11FF}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF},
      {0x3099, 0x309A}, {0xFE20, 0xFE2F}};
  return std::ranges::any_of(kRanges, [&](const auto& range) {
    return code >= range[0] && code <= range[1];
  });
}

/// What a reader sees as one letter: a code point and the accents behind it.
std::vector<std::u32string> letters_of(std::string_view text) {
  std::vector<std::u32string> letters;
  while (!text.empty()) {
    const auto code = next_code_point(text);
    if (!code) return {};
    if (letters.empty() || !joins_the_one_before(*code)) letters.emplace_back();
    letters.back() += *code;
  }
  return letters;
}

std::vector<std::string> missing_in(const std::vector<std::string>& names,
                                    const std::vector<std::string>& all) {
  const std::set<std::string> there(all.begin(), all.end());
  std::vector<std::string> missing;
  std::ranges::copy_if(
      names, std::back_inserter(missing),
      [&](const std::string& name) { return !there.contains(name); });
  return missing;
}

/// The first names where accents can be: in either form they are beyond ASCII.
std::vector<std::string> beyond_ascii(std::vector<std::string> names) {
  constexpr size_t kMost = 1000;  // Each of one list meets each of the other.
  std::erase_if(names, [](const std::string& name) {
    return std::ranges::all_of(
        name, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  });
  names.resize(std::min(names.size(), kMost));
  return names;
}

/// The first name of `a`, and one of `b`, that look alike.
std::optional<std::pair<std::string, std::string>> first_alike(
    const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (const auto& x : a) {
    const auto y = std::ranges::find_if(
        b, [&](const std::string& name) { return look_alike(x, name); });
    if (y != b.end()) return std::pair(x, *y);
  }
  return std::nullopt;
}

}  // namespace

std::string as_utf8(const std::string& text) {
  if (is_utf8(text)) return text;
  std::string out;
  for (const char c : text) append_utf8(out, static_cast<unsigned char>(c));
  return out;
}

std::string without_encoding(std::string bytes) {
  const std::string_view text = bytes;
  if (text.starts_with("\xEF\xBB\xBF")) return bytes.substr(3);
  if (text.starts_with("\xFF\xFE")) return from_utf16(text.substr(2), false);
  if (text.starts_with("\xFE\xFF")) return from_utf16(text.substr(2), true);
  // Without a mark: every second byte of a path in Latin letters is zero.
  const auto zero = [&](size_t at) { return at < text.size() && !text[at]; };
  if (!zero(0) && zero(1) && !zero(2) && zero(3)) {
    return from_utf16(text, false);
  }
  if (zero(0) && !zero(1) && zero(2) && text.size() > 3) {
    return from_utf16(text, true);
  }
  return bytes;
}

std::string on_one_line(const std::string& name) {
  std::string line;
  for (const char c : name) {
    line += c == '\n'   ? "\\n"
            : c == '\r' ? "\\r"
            : c == '\\' ? "\\\\"
                        : std::string(1, c);
  }
  return line;
}

std::string from_one_line(const std::string& line) {
  std::string name;
  for (size_t i = 0; i < line.size(); ++i) {
    const bool escaped = line[i] == '\\' && i + 1 < line.size();
    const char c = escaped ? line[++i] : line[i];
    name += escaped && c == 'n' ? '\n' : escaped && c == 'r' ? '\r' : c;
  }
  return name;
}

std::string in_small_letters(std::string text) {
  for (char& c : text) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

std::string without_percents(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
        digit(text[i + 2]) >= 0) {
      out += static_cast<char>(16 * digit(text[i + 1]) + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool look_alike(const std::string& a, const std::string& b) {
  const auto x = letters_of(a), y = letters_of(b);
  if (x.empty() || x.size() != y.size()) return false;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] == y[i]) continue;
    // One of them is a letter and its accents, the other holds more of them.
    const auto& whole = x[i].size() < y[i].size() ? x[i] : y[i];
    const auto& parts = x[i].size() < y[i].size() ? y[i] : x[i];
    if (whole.size() == parts.size() || whole[0] < 0x80) return false;
  }
  return true;
}

std::string quoted_list(const std::vector<std::string>& names) {
  constexpr size_t kMost = 10;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMost); ++i) {
    text += (text.empty() ? "'" : ", '") + names[i] + "'";
  }
  if (names.size() > kMost) {
    text += " and " + std::to_string(names.size() - kMost) + " more";
  }
  return text;
}

std::string difference(const std::vector<std::string>& a,
                       const std::string& name_of_a,
                       const std::vector<std::string>& b,
                       const std::string& name_of_b) {
  const auto of_a = missing_in(a, b), of_b = missing_in(b, a);
  std::string text;
  const auto add = [&](const std::string& sentence) {
    text += (text.empty() ? "" : "; ") + sentence;
  };
  if (!of_a.empty()) add("only in " + name_of_a + ": " + quoted_list(of_a));
  if (!of_b.empty()) add("only in " + name_of_b + ": " + quoted_list(of_b));
  const auto alike = first_alike(beyond_ascii(of_a), beyond_ascii(of_b));
  if (alike) {
    const bool composed = alike->first.size() < alike->second.size();
    add("'" + alike->first +
        "' only looks alike in both: it is written in two Unicode "
        "forms, " +
        (composed ? "NFC in " : "NFD in ") + name_of_a + ", " +
        (composed ? "NFD in " : "NFC in ") + name_of_b +
        " (macOS writes NFD); rename it, and others like it, as the other");
  }
  return text;
}

}  // namespace skipzoo
