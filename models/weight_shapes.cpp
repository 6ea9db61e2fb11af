#include "models/weight_shapes.h"

#include <utility>

namespace skipzoo {

WeightShapes::WeightShapes(const NamedShapes& file, std::string_view anchor,
                           NameRules rules) {
  const std::string inner = "." + std::string(anchor);
  bool found = false;
  for (const auto& [name, shape] : file) {
    auto now = renamed(name, rules);
    if (!found && (now == anchor || now.ends_with(inner))) {
      prefix_ = now.substr(0, now.size() - anchor.size());
      found = true;
    }
    shapes_.emplace(std::move(now), shape);
  }
  if (!found) shapes_.clear();
}

int64_t WeightShapes::size(const std::string& name, size_t dimension) const {
  constexpr int64_t kMost = 100'000;
  const auto found = shapes_.find(prefix_ + name);
  if (found == shapes_.end() || dimension >= found->second.size()) return 0;
  const int64_t size = found->second[dimension];
  return size > kMost ? 0 : size;
}

int64_t WeightShapes::count(const std::string& before,
                            const std::string& behind, int64_t first) const {
  int64_t number = 0;
  while (has(before + std::to_string(first + number) + behind)) ++number;
  return number;
}

Stem WeightShapes::stem(const std::string& weight) const {
  return size(weight, 2) == 7 ? Stem::kImageNet : Stem::kCifar;
}

int64_t WeightShapes::classes(int64_t otherwise) const {
  for (const auto head : kHeadNames) {
    for (const char* layer : {"", ".0", ".1"}) {
      const auto found =
          size(std::string(head).append(layer).append(".weight"), 0);
      if (found > 1) return found;
    }
  }
  return otherwise;
}

}  // namespace skipzoo
