#include "tools/config/study_depths.h"

#include <algorithm>
#include <set>
#include <type_traits>

#include "tools/config/study_options.h"

namespace skipzoo {

namespace {

/// Stages of residual blocks between a stem and a linear layer.
template <typename Options>
concept Staged = requires(Options options) {
  options.depths;
  options.widths;
  options.shortcut;
  options.bottleneck;
};
/// Blocks of two convolutions, then a linear layer.
template <typename Options>
concept Blocked = requires(Options options) {
  options.filters;
  options.strides;
  options.shortcut;
};

/// A network has step * n + rest layers for n blocks a stage.
struct DepthRule {
  int64_t step = 0;  ///< 0: not for a study.
  int64_t rest = 0;
};

DepthRule rule_of(const ModelOptions& network) {
  return std::visit(
      []<typename Options>(const Options& options) -> DepthRule {
        if constexpr (Staged<Options>) {
          return {(options.bottleneck ? 3 : 2) * std::ssize(options.widths), 2};
        } else if constexpr (Blocked<Options>) {
          return {2 * std::ssize(options.filters), 1};
        } else {
          return {};
        }
      },
      network);
}

/// The words of its model.shortcut; none where a study has no use for them.
template <typename Options>
std::vector<std::string> shortcuts_of() {
  std::vector<std::string> words;
  if constexpr (Staged<Options> || Blocked<Options>) {
    for (const auto& entry : EnumNames<decltype(Options::shortcut)>::values) {
      words.emplace_back(entry.name);
    }
  }
  return words;
}

template <typename T>
bool has_repeats(const std::vector<T>& values) {
  return std::set<T>(values.begin(), values.end()).size() < values.size();
}

}  // namespace

void StudyOptions::validate(Problems& problems) const {
  if (!enabled()) return;
  if (skips.empty()) problems.push_back("skips names nothing to compare");
  if (depths.empty()) problems.push_back("depths has no number of layers");
  if (seeds.empty()) problems.push_back("seeds is empty; give one or more");
  if (has_repeats(skips)) problems.push_back("skips names one twice");
  if (has_repeats(depths)) problems.push_back("depths has one twice");
  if (has_repeats(seeds)) problems.push_back("seeds has one twice");
  if (surface != 0 && (surface < 3 || surface % 2 == 0)) {
    problems.push_back(
        "surface must be 0 or an odd number from 3 on, so that the trained "
        "weights are one of its points, got " +
        std::to_string(surface));
  }
}

std::vector<std::string> study_skips(const ModelOptions& network) {
  return std::visit(
      []<typename Options>(const Options&) {
        auto words = shortcuts_of<Options>();
        const bool has_dense = std::ranges::count(words, kDense) > 0;
        if (Staged<Options> && !has_dense) words.emplace_back(kDense);
        return words;
      },
      network);
}

bool is_shortcut_of(const ModelOptions& network, std::string_view word) {
  return std::visit(
      [&]<typename Options>(const Options&) {
        return std::ranges::count(shortcuts_of<Options>(), word) > 0;
      },
      network);
}

std::string depth_problem(const ModelOptions& network, int64_t depth) {
  const auto [step, rest] = rule_of(network);
  if (step == 0) return "a " + family_name(network) + " has no depth to choose";
  const int64_t blocks = (depth - rest) / step;
  if (blocks >= 1 && blocks * step + rest == depth) return "";
  const int64_t lower = std::max<int64_t>(blocks, 1) * step + rest;
  return "a " + family_name(network) + " of these stages has " +
         std::to_string(step) + "n + " + std::to_string(rest) + " layers, so " +
         std::to_string(lower) +
         (lower < depth ? " or " + std::to_string(lower + step) : "") +
         ", not " + std::to_string(depth);
}

ModelOptions with_depth(const ModelOptions& network, std::string_view shortcut,
                        int64_t depth) {
  const auto [step, rest] = rule_of(network);
  const int64_t blocks = (depth - rest) / step;
  auto made = network;
  std::visit(
      [&]<typename Options>(Options& options) {
        if constexpr (Staged<Options> || Blocked<Options>) {
          for (const auto& entry :
               EnumNames<decltype(options.shortcut)>::values) {
            if (entry.name == shortcut) options.shortcut = entry.value;
          }
        }
        if constexpr (Staged<Options>) {
          options.depths.assign(options.widths.size(), blocks);
        } else if constexpr (Blocked<Options>) {
          const auto filters = std::exchange(options.filters, {});
          const auto strides = std::exchange(options.strides, {});
          for (size_t stage = 0; stage < filters.size(); ++stage) {
            for (int64_t block = 0; block < blocks; ++block) {
              options.filters.push_back(filters[stage]);
              options.strides.push_back(block == 0 ? strides[stage] : 1);
            }
          }
        }
      },
      made);
  return made;
}

}  // namespace skipzoo
