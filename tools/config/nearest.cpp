#include "tools/config/nearest.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace skipzoo {

namespace {

/// Damerau's distance: letters put in, left out, replaced, or swapped with the
/// next, that make `a` into `b`.
size_t distance(const std::string& a, const std::string& b) {
  std::vector<size_t> before, above, row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(above, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({row[j - 1] + 1, above[j] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest(const std::string& word,
                    const std::vector<std::string>& known) {
  constexpr size_t kLongest = 100;  // No word of ours; time goes by squares.
  if (known.empty() || word.size() > kLongest) return "";
  const auto best = std::min_element(
      known.begin(), known.end(), [&](const auto& a, const auto& b) {
        return distance(word, a) < distance(word, b);
      });
  const size_t edits = distance(word, *best);
  const bool near = edits <= std::max<size_t>(2, word.size() / 3) &&
                    edits < std::max(word.size(), best->size());
  return near ? *best : "";
}

}  // namespace skipzoo
