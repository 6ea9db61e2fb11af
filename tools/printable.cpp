#include "tools/printable.h"

#include <cstdint>
#include <cstdio>

#include "tools/utf8.h"

namespace skipzoo {

namespace {

/// Whether a terminal would do something, or show nothing.
bool is_control(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) ||        // C0, DEL, C1.
         code == 0x200B || code == 0x200E || code == 0x200F ||  // Marks.
         (code >= 0x2028 && code <= 0x202E) ||  // Line ends, embeddings.
         (code >= 0x2060 && code <= 0x206F) ||  // Isolates.
         code == 0x061C || code == 0xFEFF;
}

std::string escaped(uint32_t code, bool valid) {
  if (valid && code == '\n') return "\\n";
  if (valid && code == '\r') return "\\r";
  if (valid && code == '\t') return "\\t";
  char text[16];
  std::snprintf(text, sizeof text, valid && code > 0xFF ? "\\u%04x" : "\\x%02x",
                static_cast<unsigned>(code));
  return text;
}

/// Up to `most` characters; says how many there are where that is not all.
std::string cleaned(std::string_view text, size_t most, bool keeps_lines) {
  std::string clean;
  size_t count = 0;
  for (; !text.empty(); ++count) {
    const auto before = text;
    const auto code = next_code_point(text);
    if (!code) text.remove_prefix(1);
    if (count >= most) continue;
    const bool kept =
        code && (!is_control(*code) ||
                 (keeps_lines && (*code == U'\n' || *code == U'\t')));
    if (kept) {
      clean += before.substr(0, before.size() - text.size());
    } else {
      clean += escaped(code ? *code : static_cast<uint8_t>(before[0]),
                       code.has_value());
    }
  }
  if (count > most) clean += "… (" + std::to_string(count) + " characters)";
  return clean;
}

}  // namespace

std::string printable(std::string_view name) {
  constexpr size_t kMost = 200;
  return cleaned(name, kMost, /*keeps_lines=*/false);
}

std::string printable_message(std::string_view message) {
  return cleaned(message, message.size(), /*keeps_lines=*/true);
}

}  // namespace skipzoo
