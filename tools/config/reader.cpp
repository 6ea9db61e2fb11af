#include "tools/config/reader.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace skipzoo {

namespace {

/// Levenshtein's distance: edits of one letter that make `a` into `b`.
size_t distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string hint(const std::string& key,
                 const std::vector<std::string>& known) {
  const auto nearest = std::min_element(
      known.begin(), known.end(), [&](const auto& a, const auto& b) {
        return distance(key, a) < distance(key, b);
      });
  if (nearest != known.end() &&
      distance(key, *nearest) <= std::max<size_t>(2, key.size() / 3)) {
    return "did you mean '" + *nearest + "'?";
  }
  std::string names;
  for (const auto& name : known) names += (names.empty() ? "" : ", ") + name;
  return "known are " + names;
}

}  // namespace

void check_keys(const Value& section, const std::string& path,
                const std::vector<std::string>& known, Findings& findings) {
  std::set<std::string> seen;
  for (const auto& entry : section.section) {
    const std::string full = path.empty() ? entry.key : path + "." + entry.key;
    const std::string where = entry.place + ": " + full;
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      findings.problems.push_back(where + ": unknown key; " +
                                  hint(entry.key, known));
    } else if (!seen.insert(entry.key).second) {
      findings.problems.push_back(where + ": given twice");
    }
  }
}

bool parse_scalar(const std::string& text, bool& value) {
  static const std::set<std::string> yes = {"true", "True", "yes", "on"};
  static const std::set<std::string> no = {"false", "False", "no", "off"};
  value = yes.contains(text);
  return value || no.contains(text);
}

bool parse_scalar(const std::string& text, std::string& value) {
  value = text;
  return true;
}

// In base ten, all of the text: yaml-cpp takes 010 for 8, and "10 epochs"
// for 10.
bool parse_scalar(const std::string& text, int64_t& value) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && rest == end;
}

bool parse_scalar(const std::string& text, double& value) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && rest == end && std::isfinite(value);
}

}  // namespace skipzoo
