#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/config/run_config.h"

namespace skipzoo {

struct Classifier;

/// What is to be done with a network.
enum class Work {
  kForward,   ///< Pictures go through it.
  kEvaluate,  ///< And are counted by class.
  kTrain,     ///< Steps, and evaluations between them.
};

/// Throws ConfigError where that work, on pictures of that (C, H, W), needs
/// more memory than this machine has, by a bound from below: what is a little
/// too large is not found. Asked before the first picture goes through, of a
/// network on the CPU; nothing of the size in question is computed. key: what
/// asks for pictures of that size.
void check_memory(Classifier& model, const RunConfig& config,
                  const std::vector<int64_t>& shape, Work work,
                  const std::string& key = "data.image_size");

}  // namespace skipzoo
