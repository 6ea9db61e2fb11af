#pragma once

#include <algorithm>
#include <string>

#include "tools/data/random.h"

namespace skipzoo {

/// A few bytes changed, some left out or doubled, or the end cut off.
inline std::string damaged(std::string bytes, Random& random) {
  const auto place = [&] {
    return static_cast<size_t>(
        random.below(static_cast<int64_t>(bytes.size())));
  };
  for (int64_t i = random.below(4); i >= 0; --i) {
    bytes[place()] = static_cast<char>(random.next());
  }
  const size_t at = place();
  const size_t count = std::min<size_t>(bytes.size() - at, 1 + place() % 64);
  switch (random.below(4)) {
    case 0:
      bytes.erase(at, count);
      break;
    case 1:
      bytes.insert(at, bytes.substr(at, count));
      break;
    case 2:
      bytes.resize(at);
      break;
    default:
      break;
  }
  return bytes.empty() ? std::string(1, '\0') : bytes;
}

}  // namespace skipzoo
