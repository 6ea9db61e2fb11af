#pragma once

#include <cstdint>

namespace skipzoo {

/// The newest format of checkpoints that this program knows. It grows where a
/// key of the config is renamed or stands for what older ones did otherwise
/// (tools/config/renamed_keys.h), or an older program would take a file for
/// what it is not.
///
/// 1: 0.1.0. 2: data.exif, before which no picture was turned.
constexpr int64_t kCheckpointFormat = 2;
/// The record of a .skz, or of an export, that holds it.
constexpr const char* kCheckpointRecord = "skipzoo.json";

}  // namespace skipzoo
