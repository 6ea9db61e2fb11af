#pragma once

#include <string>

#include "tools/weights/weight_file.h"

namespace skipzoo {

/// Whether these are a network's weights that no picture has ever been through:
/// all counters of its BatchNorms are 0, all means 0, all variances 1. Never so
/// where there is no BatchNorm.
bool never_trained(const NamedTensors& tensors);
/// The names that are looked at for it.
bool is_batch_norm_state(const std::string& name);

/// That in words.
constexpr const char* kNeverTrained =
    "this network was never trained: its BatchNorms have seen no picture (all "
    "counters and means are 0, all variances 1)";

/// "conv1.weight and 2 more hold numbers that are not finite"; empty where all
/// numbers are finite. LibTorch's fused ReLU takes NaN for 0, so that such
/// a network may give answers that look like any other's.
std::string not_finite(const NamedTensors& tensors);

/// Logs what a user of these weights has to know: what of the file was left
/// out, whether they were never trained, and numbers that are not finite.
void log_remarks(const WeightFile& file);

}  // namespace skipzoo
