#pragma once

#include "models/named_tensors.h"
#include "models/tensor.h"
#include "tools/train/state_section.h"

namespace skipzoo {

/// States of the generators that training draws from, by device: the CPU's and,
/// on CUDA, the device's.
NamedTensors random_state(torch::Device device);

/// Takes them over; the state of a device that is not in use is left alone.
/// Throws std::runtime_error, with nothing changed, where one is no state that
/// a generator can have.
void set_random_state(const NamedTensors& states, torch::Device device);

/// Both, for a checkpoint.
StateSection random_section(torch::Device device);

}  // namespace skipzoo
