#pragma once

#include <optional>

#include "tools/config/run_config.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {

// What weights were trained with, beside what they are used with now.

/// The config that a network was trained by; nothing where it is none of today.
std::optional<RunConfig> config_of(const ModelMetadata& metadata);

/// Logs where data differ from those that a network was trained with: names of
/// classes, mean and std, size of the pictures.
void warn_of_other_data(const ModelMetadata& trained,
                        const ModelMetadata& data);

/// Logs where a network differs from the one its weights were trained in,
/// though all names and shapes fit: another padding of a shortcut, say.
void warn_of_other_network(const ModelMetadata& trained, const RunConfig& now);

}  // namespace skipzoo
