#pragma once

#include <functional>
#include <memory>
#include <string>

#include "models/tensor.h"
#include "tools/distribute/place.h"
#include "tools/distribute/watch.h"
#include "tools/train/collective.h"

namespace skipzoo {

/// Whether this build has what several processes need: c10d with Gloo, whose
/// headers come from Debian's libgloo-dev, and for GPUs NCCL.
bool has_gloo();
bool has_nccl();

/// What a process needs of the others.
struct Processes {
  std::shared_ptr<Collective> collective;
  /// Its own connection to the store.
  std::unique_ptr<Board> board;
};

/// Meets the other processes, at most so long, and builds their process group:
/// Gloo's for the CPU and NCCL's for CUDA. silence: how long the board may take
/// to answer. Errors of both are ConnectionError. Throws ConfigError where this
/// build has no such thing, and ConnectionError where the others cannot be met.
Processes meet(const ProcessPlace& place, torch::Device device,
               Watch::Seconds timeout, Watch::Seconds silence);

}  // namespace skipzoo
