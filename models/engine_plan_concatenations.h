#pragma once

// Internal to models/engine_plan*.cpp: which concatenations begin with others.

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <vector>

namespace skipzoo {

using Concatenations = std::vector<const torch::jit::Node*>;

/// Whether it concatenates channels, of a list made for that.
inline bool joins_channels(const torch::jit::Node* node) {
  if (node->kind() != at::aten::cat) return false;
  const auto dim = torch::jit::toIValue(node->input(1));
  const auto* list = node->input(0)->node();
  return dim && dim->toInt() == 1 && !list->inputs().empty() &&
         list->kind() == c10::prim::ListConstruct;
}

/// What it joins; of one that begins with another, that one's parts too.
inline std::vector<const torch::jit::Value*> parts(
    const torch::jit::Node* cat) {
  const auto own = cat->input(0)->node()->inputs();
  const auto* first = own.front()->node();
  if (!joins_channels(first)) return {own.begin(), own.end()};
  auto all = parts(first);
  all.insert(all.end(), own.begin() + 1, own.end());
  return all;
}

inline const torch::jit::Node* longest_of(const Concatenations& cats) {
  return *std::max_element(
      cats.begin(), cats.end(),
      [](const torch::jit::Node* a, const torch::jit::Node* b) {
        return parts(a).size() < parts(b).size();
      });
}

}  // namespace skipzoo
