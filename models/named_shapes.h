#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace skipzoo {

/// The shapes of tensors by name: what a weight file tells of its network
/// before a number is read.
using NamedShapes = std::vector<std::pair<std::string, std::vector<int64_t>>>;

}  // namespace skipzoo
