#include "tools/weights/names.h"

#include <algorithm>

#include "models/weight_names.h"

namespace skipzoo {

namespace {

constexpr std::string_view kMany = "many";

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

}  // namespace

HeadNames::HeadNames(const std::vector<std::string>& names, std::string head)
    : head_(std::move(head)) {
  for (const auto& name : names) {
    const auto [leaf, number, part, above] = last_parts(name);
    if (!is_number(number) ||
        std::ranges::find(kHeadNames, part) == std::end(kHeadNames)) {
      continue;
    }
    const auto before = std::string_view(name).substr(
        0, name.size() - leaf.size() - number.size() - 2);
    const auto [at, fresh] = layers_.emplace(before, number);
    if (!fresh && at->second != number) at->second = kMany;
  }
}

std::string HeadNames::own_name(std::string_view name, size_t prefix) const {
  const auto rest = name.substr(prefix);
  for (const auto head : kHeadNames) {
    if (!rest.starts_with(head) || rest.size() == head.size() ||
        rest[head.size()] != '.') {
      continue;
    }
    auto leaf = rest.substr(head.size() + 1);
    const auto dot = leaf.find('.');
    if (dot != std::string_view::npos) {
      const auto layer = layers_.find(name.substr(0, prefix + head.size()));
      if (layer == layers_.end() || layer->second != leaf.substr(0, dot)) {
        continue;
      }
      leaf = leaf.substr(dot + 1);
    }
    if (leaf == "weight" || leaf == "bias") {
      return head_ + "." + std::string(leaf);
    }
  }
  return "";
}

}  // namespace skipzoo
