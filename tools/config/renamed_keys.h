#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "tools/config/value.h"

namespace skipzoo {

/// A key that has another name today than in older checkpoints.
struct RenamedKey {
  int64_t last_format;  ///< The newest checkpoint format that has the old name.
  std::string_view from, to;  ///< With their sections: "train.optimizer.lr".
};

/// All there ever were, oldest first; none as yet.
std::span<const RenamedKey> renamed_keys();

/// A key that older checkpoints lack, where what was done before there was one
/// is not what its default does today.
struct LaterKey {
  int64_t last_format;  ///< The newest checkpoint format that lacks it.
  std::string_view key;
  std::string_view value;  ///< What was done.
};

/// All there ever were, oldest first.
std::span<const LaterKey> later_keys();

/// Renames, in a resolved config of a checkpoint of that format, what has
/// another name since. The values stay, and so do their places.
void rename_keys(Value& config, int64_t format,
                 std::span<const RenamedKey> keys = renamed_keys());

}  // namespace skipzoo
