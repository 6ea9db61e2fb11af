#include "tools/weights/left_out.h"

#include "tools/printable.h"

namespace skipzoo {

std::string text_of(const std::vector<LeftOut>& left_out) {
  if (left_out.empty()) return "";
  constexpr size_t kMost = 8;
  std::string names;
  for (size_t i = 0; i < left_out.size() && i < kMost; ++i) {
    names += (i > 0 ? "; " : "") + printable(left_out[i].name) + ": " +
             printable(left_out[i].why);
  }
  if (left_out.size() > kMost) names += "; …";
  return "left out: " + std::to_string(left_out.size()) + " (" + names + ")";
}

}  // namespace skipzoo
