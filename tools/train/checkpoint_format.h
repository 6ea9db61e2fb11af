#pragma once

#include <cstdint>

namespace skipzoo {

/// The newest format of checkpoints that this program knows. It grows where a
/// key of the config is renamed (tools/config/renamed_keys.h) or an older
/// program would take a file for what it is not.
constexpr int64_t kCheckpointFormat = 1;
/// The record of a .skz, or of an export, that holds it.
constexpr const char* kCheckpointRecord = "skipzoo.json";

}  // namespace skipzoo
