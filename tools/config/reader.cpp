#include "tools/config/reader.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <set>

#include "tools/config/nearest.h"
#include "tools/printable.h"
#include "tools/weights/published.h"

namespace skipzoo {

namespace {

std::string hint(const std::string& key,
                 const std::vector<std::string>& known) {
  const auto meant = nearest(key, known);
  if (!meant.empty()) return "did you mean '" + meant + "'?";
  std::string names;
  for (const auto& name : known) names += (names.empty() ? "" : ", ") + name;
  return "known are " + names;
}

}  // namespace

void check_keys(const Value& section, const std::string& path,
                const std::vector<std::string>& known, Findings& findings) {
  std::set<std::string> seen;
  for (const auto& entry : section.section) {
    const std::string full =
        (path.empty() ? "" : path + ".") + printable(entry.key);
    const std::string where = entry.place + ": " + full;
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      findings.problems.push_back(where + ": unknown key; " +
                                  hint(entry.key, known));
    } else if (!seen.insert(entry.key).second) {
      findings.problems.push_back(where + ": given twice");
    }
  }
}

namespace {

/// Without the blanks around it, which --set keeps.
std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// In base ten, all of the text: yaml-cpp takes 010 for 8, and "10 epochs" for
/// 10.
template <typename Number>
bool parse_number(const std::string& given, Number& value) {
  const std::string text = trimmed(given);
  const bool plus = text.size() > 1 && text[0] == '+' && text[1] != '-';
  const char* end = text.data() + text.size();
  const auto [rest, error] =
      std::from_chars(text.data() + (plus ? 1 : 0), end, value);
  return error == std::errc() && rest == end;
}

}  // namespace

bool parse_scalar(const std::string& text, bool& value) {
  static const std::set<std::string> yes = {"true", "True", "yes", "on"};
  static const std::set<std::string> no = {"false", "False", "no", "off"};
  value = yes.contains(trimmed(text));
  return value || no.contains(trimmed(text));
}

bool parse_scalar(const std::string& text, std::string& value) {
  value = text;
  return true;
}

bool parse_scalar(const std::string& text, int64_t& value) {
  return parse_number(text, value);
}

bool parse_scalar(const std::string& text, double& value) {
  return parse_number(text, value) && std::isfinite(value);
}

Rule limit_of(const std::string& path, bool is_integer) {
  // Beyond it float32 is infinite, or will be after a product.
  if (!is_integer) return {.low = -1e30, .high = 1e30};
  // All others than a network's: where a double skips integers.
  return {.high = path.starts_with("model.") ? kMostOfModel : 0x1p53};
}

namespace {

namespace fs = std::filesystem;

/// Whether a '$' in it looks like the start of a variable.
bool names_a_variable(const std::string& text) {
  for (size_t at = text.find('$'); at != std::string::npos;
       at = text.find('$', at + 1)) {
    const auto next = static_cast<unsigned char>(text.c_str()[at + 1]);
    if (next == '{' || next == '_' || std::isalpha(next) != 0) return true;
  }
  return false;
}

}  // namespace

std::string read_path(std::string text, const fs::path& folder,
                      fs::path& value) {
  const std::string given = "'" + text + "': ";
  if (text == "~" || text.starts_with("~/")) {
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home == '\0') {
      return given + "HOME is not set, so ~ stands for nothing; write the path";
    }
    text.replace(0, 1, home);
  }
  std::error_code error;
  const bool is_there = fs::exists(folder / text, error);
  if (!is_there && names_a_variable(text)) {
    return given +
           "no such path, and variables are not filled in here; write the path "
           "itself, or ~/ for your home folder";
  }
  if (!is_there && text.starts_with('~')) {
    return given + "no such path; ~/ alone stands for a home folder, yours";
  }
  value = fs::weakly_canonical(folder / text, error);
  if (error) return given + "cannot be a path: " + error.message();
  return "";
}

std::string read_weights_path(const std::string& text, const fs::path& folder,
                              WeightsPath& value) {
  const auto* published = find_published(text);
  std::error_code ignored;
  if (published == nullptr || fs::exists(folder / text, ignored)) {
    return read_path(text, folder, value);
  }
  // In full: what a name alone stands for may be another one day.
  value = WeightsPath(published->name());
  return "";
}

}  // namespace skipzoo
