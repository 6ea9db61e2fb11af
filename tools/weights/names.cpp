#include "tools/weights/names.h"

#include <algorithm>
#include <array>

namespace skipzoo {

namespace {

constexpr std::string_view kMany = "many";

/// Names of the last layer elsewhere, longer ones first.
constexpr std::string_view kHeads[] = {"head.fc", "last_linear", "classifier",
                                       "linear",  "head",        "fc"};

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

/// The last four parts of a name, the last one first; the end of what stands
/// before them. Missing ones are empty.
struct Tail {
  explicit Tail(std::string_view name) {
    size_t end = name.size();
    for (auto& part : parts) {
      if (end == std::string_view::npos) break;
      const size_t dot =
          end == 0 ? std::string_view::npos : name.rfind('.', end - 1);
      const size_t begin = dot == std::string_view::npos ? 0 : dot + 1;
      part = name.substr(begin, end - begin);
      end = dot;
    }
  }
  std::array<std::string_view, 4> parts;
};

/// In place of every `from` that stands in `name`, `to`.
void replace_all(std::string& name, std::string_view from,
                 std::string_view to) {
  size_t at = name.find(from);
  if (at == std::string::npos) return;
  std::string changed;
  size_t done = 0;
  for (; at != std::string::npos; at = name.find(from, done)) {
    changed.append(name, done, at - done).append(to);
    done = at + from.size();
  }
  name = changed.append(name, done);
}

}  // namespace

std::string modern_densenet(const std::string& name) {
  const Tail tail(name);
  const auto& [leaf, number, part, layer] = tail.parts;
  constexpr std::string_view kLayer = "denselayer";
  const bool old = (number == "1" || number == "2") &&
                   (part == "norm" || part == "relu" || part == "conv") &&
                   layer.starts_with(kLayer) &&
                   is_number(layer.substr(kLayer.size()));
  if (!old) return name;
  std::string modern = name;
  modern.erase(name.size() - leaf.size() - number.size() - 2, 1);
  return modern;
}

std::string torchvision_parts(const std::string& name) {
  std::string now = name;
  for (const char* number : {"0", "1"}) {
    replace_all(now, std::string(".shortcut.") + number + ".",
                std::string(".downsample.") + number + ".");
  }
  replace_all(now, "features.norm_final.", "features.norm5.");
  return now;
}

HeadNames::HeadNames(const std::vector<std::string>& names, std::string head)
    : head_(std::move(head)) {
  for (const auto& name : names) {
    const Tail tail(name);
    const auto& [leaf, number, part, above] = tail.parts;
    if (!is_number(number) || std::find(std::begin(kHeads), std::end(kHeads),
                                        part) == std::end(kHeads)) {
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
  for (const auto head : kHeads) {
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
