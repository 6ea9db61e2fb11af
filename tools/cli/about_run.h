#pragma once

#include <string>

#include "models/tensor.h"
#include "tools/config/run_config.h"
#include "tools/data/dataset.h"
#include "tools/report/about.h"

namespace skipzoo {

struct Classifier;

/// "skipzoo 0.1.0, LibTorch 2.13.0 without CUDA, compiler …, kernels for avx2".
/// Throws ConfigError where SKIPZOO_ISA names none.
std::string version_text();

/// What a run's page tells of its network, on pictures of that data set, and of
/// this machine. model: null for one whose layers are not known.
RunAbout about_run(Classifier* model, const RunConfig& config,
                   const Dataset& pictures, const torch::Device& device);

}  // namespace skipzoo
