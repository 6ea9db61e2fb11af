#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace skipzoo {

/// A rule for the names that others give to tensors of a family, in the files
/// that are out there.
struct NameRule {
  /// For people, as in "shortcut to downsample".
  const char* what;
  /// A tensor's name here, from its name there; others are left as they are.
  /// Something may stand before any of them, as "module.". Takes time in
  /// proportion to the length.
  std::string (*rename)(const std::string& name);
};

/// The rules of a family, in the order in which they are applied.
using NameRules = std::span<const NameRule>;

/// `name` by all of a family's rules.
std::string renamed(std::string name, NameRules rules);

/// What the last layer is called, here and elsewhere.
inline constexpr std::string_view kHeadNames[] = {
    "fc", "classifier", "linear", "last_linear", "head", "head.fc"};

// What rules are made of.

/// The last four parts of a dotted name, the last one first; missing ones are
/// empty.
std::array<std::string_view, 4> last_parts(std::string_view name);

/// `name` with `to` in place of every `from`.
std::string replaced(const std::string& name, std::string_view from,
                     std::string_view to);

}  // namespace skipzoo
