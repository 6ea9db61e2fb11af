#pragma once

#include <functional>

#include "tools/cli/differences.h"

namespace skipzoo {

/// What train or evaluate do with one batch of synthetic pictures; each call
/// waits until the device has done it.
std::function<void()> make_step(const RunConfig& config,
                                const ComparedStep& measured,
                                torch::Device device);

}  // namespace skipzoo
