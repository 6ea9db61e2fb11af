#include "models/weight_names.h"

namespace skipzoo {

std::string renamed(std::string name, NameRules rules) {
  for (const auto& rule : rules) name = rule.rename(name);
  return name;
}

std::array<std::string_view, 4> last_parts(std::string_view name) {
  std::array<std::string_view, 4> parts;
  size_t end = name.size();
  for (auto& part : parts) {
    if (end == std::string_view::npos) break;
    const size_t dot =
        end == 0 ? std::string_view::npos : name.rfind('.', end - 1);
    const size_t begin = dot == std::string_view::npos ? 0 : dot + 1;
    part = name.substr(begin, end - begin);
    end = dot;
  }
  return parts;
}

std::string replaced(const std::string& name, std::string_view from,
                     std::string_view to) {
  std::string changed;
  size_t done = 0;
  for (size_t at = name.find(from); at != std::string::npos;
       at = name.find(from, done)) {
    changed.append(name, done, at - done).append(to);
    done = at + from.size();
  }
  return changed.append(name, done);
}

}  // namespace skipzoo
