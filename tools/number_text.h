#pragma once

#include <cstdint>
#include <string>

namespace skipzoo {

/// A number that is not negative, for people: "1,234,567".
inline std::string with_commas(int64_t number) {
  auto text = std::to_string(number);
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<size_t>(at), ",");
  }
  return text;
}

/// The sizes of a picture or tensor: "3x32x32".
template <typename Sizes>
std::string sizes_text(const Sizes& sizes) {
  std::string text;
  for (const int64_t size : sizes) {
    text += (text.empty() ? "" : "x") + std::to_string(size);
  }
  return text;
}

}  // namespace skipzoo
