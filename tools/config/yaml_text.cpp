#include "tools/config/yaml_text.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "tools/error.h"

namespace skipzoo {

namespace {

/// The first byte that no text of YAML has: a control character, or a carriage
/// return alone, which yaml-cpp takes for a letter, a comment's too.
size_t first_control(const std::string& text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\t' || c == '\n' || c < 0) continue;
    if (c == '\r' && text.c_str()[i + 1] == '\n') continue;
    if (c < ' ' || c == '\x7F') return i;
  }
  return std::string::npos;
}

}  // namespace

void check_yaml_text(const std::string& text, const Origin& origin) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    throw ConfigError(origin.name + ": is UTF-16 text; save it as UTF-8");
  }
  const size_t control = first_control(text);
  if (control == std::string::npos) return;
  const auto line =
      1 + std::count(text.begin(), text.begin() + static_cast<int64_t>(control),
                     '\n');
  char byte[8];
  std::snprintf(byte, sizeof(byte), "0x%02X",
                static_cast<unsigned char>(text[control]));
  throw ConfigError(
      origin.name + (origin.is_file ? ":" + std::to_string(line) : "") +
      ": the byte " + byte +
      (text[control] == '\r'
           ? " is an end of a line without a line feed; save the file with "
             "the line ends of Unix or Windows"
           : " is no part of a text; is this a YAML file?"));
}

std::string cause_in_line(const std::string& text, int line) {
  std::istringstream lines(text);
  std::string found;
  for (int i = 0; i <= line && std::getline(lines, found); ++i) {
  }
  const auto indent = found.substr(0, found.find_first_not_of(" \t"));
  return indent.find('\t') == std::string::npos
             ? ""
             : "; the line begins with a tab, indent by spaces";
}

}  // namespace skipzoo
